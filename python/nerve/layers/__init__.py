"""Layers under Keras 3's names."""

from nerve.layers.attention import *
from nerve.layers.bidirectional import *
from nerve.layers.borders import *
from nerve.layers.categories import *
from nerve.layers.cells import *
from nerve.layers.convolution import *
from nerve.layers.core import *
from nerve.layers.embedding import *
from nerve.layers.gated_cells import *
from nerve.layers.hashing import *
from nerve.layers.layer import *
from nerve.layers.lookups import *
from nerve.layers.masking import *
from nerve.layers.merging import *
from nerve.layers.normalization import *
from nerve.layers.numerical import *
from nerve.layers.operation import *
from nerve.layers.pooling import *
from nerve.layers.rectifiers import *
from nerve.layers.recurrent import *
from nerve.layers.regularization import *
from nerve.layers.reshaping import *
from nerve.layers.rnn import *
from nerve.layers.text_vectorization import *
from nerve.layers.time_distributed import *
from nerve.layers.wrapper import *
