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
    serving,
    singular_spectrum,
    spectra_by_domain,
    table_abundance,
    trained_rows,
)
from .covariance import between_experts, covariance_map
from .diversity import Conflicts, chance_level, conflicts, diversity_index, of_every_domain
from .during import abundance_during
from .gates import gate_use
from .items import ItemTables, item_spectra, item_tables
from .pull import pull

__all__ = ["Conflicts", "ItemTables", "Measure", "abundance_by_domain", "abundance_by_exposure", "abundance_during"]
__all__ += ["between_experts", "chance_level", "conflicts", "covariance_map", "diversity_index", "expert_abundance"]
__all__ += ["exposures", "field_tables", "gate_use", "information_abundance", "item_spectra", "item_tables"]
__all__ += ["mean_abundance", "of_every_domain", "pull", "serving", "singular_spectrum", "spectra_by_domain"]
__all__ += ["table_abundance", "trained_rows"]
