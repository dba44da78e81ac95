"""What a trained model learnt: covariance between experts, abundance of its tables, diversity, use of the gates.

And how strongly a loss pulls on it, beside the cross-entropy.

What is undefined is None with a reason, never NaN.
"""

from .abundance import (
    Measure,
    abundance_by_domain,
    abundance_by_exposure,
    expert_abundance,
    exposures,
    field_tables,
    information_abundance,
    mean_abundance,
    singular_spectrum,
    table_abundance,
    trained_rows,
)
from .covariance import between_experts, covariance_map
from .diversity import Conflicts, chance_level, conflicts, diversity_index, of_every_domain
from .gates import gate_use
from .pull import pull

__all__ = ["Conflicts", "Measure", "abundance_by_domain", "abundance_by_exposure", "between_experts", "chance_level"]
__all__ += ["conflicts", "covariance_map", "diversity_index", "expert_abundance", "exposures", "field_tables"]
__all__ += ["gate_use", "information_abundance", "mean_abundance", "of_every_domain", "pull", "singular_spectrum"]
__all__ += ["table_abundance", "trained_rows"]
