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
from .covariance import Between, between_experts, covariance_map
from .diversity import Conflicts, chance_level, conflicts, diversity_index, every_row, of_every_domain
from .during import abundance_during
from .gates import gate_use
from .items import ItemTables, item_spectra, item_tables
from .pull import pull

__all__ = ["Between", "Conflicts", "ItemTables", "Measure", "abundance_by_domain", "abundance_by_exposure"]
__all__ += ["abundance_during", "between_experts", "chance_level", "conflicts", "covariance_map", "diversity_index"]
__all__ += ["every_row", "expert_abundance", "exposures", "field_tables", "gate_use", "information_abundance"]
__all__ += ["item_spectra", "item_tables", "mean_abundance", "of_every_domain", "pull", "serving"]
__all__ += ["singular_spectrum", "spectra_by_domain", "table_abundance", "trained_rows"]
