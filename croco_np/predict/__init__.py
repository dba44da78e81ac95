"""Click probabilities from trained weights: `Predictor`, and `python -m croco_np.predict RUN`."""

from .predictor import BLOCK_ROWS, Predictor

__all__ = ["BLOCK_ROWS", "Predictor"]
