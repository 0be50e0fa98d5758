"""Dense layers that act, on views of torch's own weights: the chains that learn, forward alone.

Up to some tens of rows, torch's dispatch costs more than the arithmetic: numpy is three to five times faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.dense.chain import Chain, NoFormulaError, chain_of
from rlexp.engine.dense.dropout import Dropout
from rlexp.engine.dense.flat_parameters import FrozenParameters

Array = NDArray[np.float32]


class DenseLayers:
    """The forward pass of a chain of dense layers; always that of the weights as they are now.

    Weights are views of torch's memory, so that an update in place is seen at once; where torch has put
    them elsewhere since (`refresh`), the views are made anew.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain, self._parameters = chain, chain.parameters()
        self._places: list[int] = []
        self.refresh()

    def refresh(self) -> None:
        """Looks at the weights again if torch has moved them."""
        places = [parameter.data_ptr() for parameter in self._parameters]
        if self._places != places:
            self._places = places
            self._chain.view(FrozenParameters)

    def __call__(self, inputs: Array) -> Array:
        """[B, in] to [B, out], float32, for whoever called to keep."""
        return self._chain.forward(np.asarray(inputs, np.float32)).copy()


def dense_layers(*parts: Any) -> DenseLayers | None:
    """The chain of `parts` (torch modules, or RLlib's wrappers of one) in numpy; None where one is no dense layer."""
    try:
        chain = chain_of(*parts)
    except NoFormulaError:
        return None
    stays = not any(
        isinstance(layer, Dropout) for layer in chain.layers
    )  # torch's own zeros are not numpy's.
    return DenseLayers(chain) if chain.layers and stays else None
