"""A network as ONNX Runtime runs it: tensors in, embeddings out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from canon_core.embedding.device import DeviceInput, page_locked
from canon_core.embedding.prelu import with_fast_prelu
from canon_core.embedding.preprocess import input_shape
from canon_core.errors import Cancelled, ModelError
from canon_core.models.providers import PROVIDERS, ProviderChoice, onnx_runtime
from canon_core.models.trial import first_line

if TYPE_CHECKING:
    from canon_core.models.resolve import ResolvedModel

Float32 = npt.NDArray[np.float32]

#: Element types of inputs that images can be fed as.
_ELEMENTS: Final = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
#: How ONNX Runtime, CUDA and cuBLAS word a lack of memory.
_NO_MEMORY: Final = ("out of memory", "failed to allocate", "alloc_failed", "bad allocation", "bad_alloc")


class OutOfMemory(ModelError):
    """The device has no memory for a batch of this size; a smaller one may fit."""


class Network:
    """A resolved model, loaded.

    Runs may come from several threads at once. On the CPU each then computes in its own thread; on a GPU they take
    turns, each with its own input on the device, so that one is copied there while another is computed.

    Parameters
    ----------
    model : ResolvedModel
        File and spec.
    provider : ProviderChoice
        Where it runs.
    threads : int
        ONNX Runtime's own threads within one run. One by default: several runs side by side keep all cores busy
        without handing work over at every operator.
    spinning : bool
        Whether those threads may wait busily; false in the window, which needs the processor too.

    Attributes
    ----------
    fixed_batch : int or None
        Batch size that the graph insists on; smaller batches are padded.

    Raises
    ------
    ModelError
        When ONNX Runtime cannot load it, or does not run it where it was asked to.
    """

    def __init__(
        self, model: ResolvedModel, provider: ProviderChoice, *, threads: int = 1, spinning: bool = True
    ) -> None:
        self.model = model
        self.provider = provider
        self._stopped = False
        self._turn = threading.Lock()
        self._own = threading.local()
        runtime = onnx_runtime()
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 4  # what matters comes as an exception
        if not spinning:
            settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            graph = (with_fast_prelu(model.path) if provider.name == "cpu" else None) or str(model.path)
            self._session = runtime.InferenceSession(graph, settings, providers=_provider_list(provider))
        except Exception as error:  # ONNX Runtime's own exceptions have no common base
            raise ModelError(
                f"ONNX Runtime cannot load it ({first_line(error)})", path=model.path, remedy="export the model again"
            ) from error
        wanted = PROVIDERS[provider.name]
        if wanted not in self._session.get_providers():
            raise ModelError(
                f"does not run on {provider.name}: ONNX Runtime fell back to the CPU",
                path=model.path,
                remedy="see `canon doctor`, or use --provider cpu",
            )
        feed = self._session.get_inputs()[0]
        if feed.type not in _ELEMENTS:
            raise ModelError(f"its input is {feed.type}, not an image of numbers", path=model.path)
        self._input = feed.name
        self._element = _ELEMENTS[feed.type]
        self.fixed_batch: int | None = feed.shape[0] if isinstance(feed.shape[0], int) else None
        self._outputs = list(model.spec.output.names) or [self._session.get_outputs()[0].name]
        self._options = runtime.RunOptions()
        self._options.log_severity_level = 4

    def buffer(self, count: int) -> Float32:
        """A batch for one thread to fill again and again; on a GPU in memory that the device reads directly."""
        tensor = np.zeros(input_shape(self.model.spec.input, count), dtype=np.float32)
        if self.provider.name != "cpu":
            page_locked(tensor)
        return tensor

    def run(self, tensor: Float32) -> Float32:
        """Embed a batch.

        Outputs are flattened and concatenated in the spec's order: with PFE the means and then whatever the network
        gives as variances. With ``flip = "sum"`` the embedding of the mirrored batch is added (variances of a sum add
        up as well).

        Parameters
        ----------
        tensor : (k, channels, height, width) or (k, height, width, channels) float32
            From :func:`canon_core.embedding.preprocess.to_tensor`; not changed.

        Returns
        -------
        (k, d) float32, or (k, 2, d) with ``flip = "keep"``

        Raises
        ------
        OutOfMemory
            For a batch that does not fit.
        ModelError
            When the network fails, or its outputs are not one row per image.
        Cancelled
            After :meth:`terminate`.
        """
        flip = self.model.spec.output.flip
        upright = self._embed(tensor)
        if flip == "none":
            return upright
        axis = 3 if self.model.spec.input.layout == "nchw" else 2
        mirrored = self._embed(np.ascontiguousarray(np.flip(tensor, axis)))
        return upright + mirrored if flip == "sum" else np.stack([upright, mirrored], axis=1)

    def terminate(self) -> None:
        """Make every run, present and future, end at its next operator with :class:`~canon_core.errors.Cancelled`."""
        self._stopped = True
        self._options.terminate = True

    def _embed(self, tensor: Float32) -> Float32:
        if self.fixed_batch is None:
            return self._run_once(tensor)
        parts = []
        for start in range(0, len(tensor), self.fixed_batch):
            part = tensor[start : start + self.fixed_batch]
            full = np.zeros((self.fixed_batch, *tensor.shape[1:]), np.float32) if len(part) < self.fixed_batch else part
            full[: len(part)] = part
            parts.append(self._run_once(full)[: len(part)])
        return np.concatenate(parts) if parts else np.empty((0, self.model.dimensions), np.float32)

    def _run_once(self, tensor: Float32) -> Float32:
        if self._stopped:
            raise Cancelled
        whole = np.rint(tensor) if self._element is np.uint8 else tensor
        fed = whole.astype(self._element, copy=False)
        try:
            if self.provider.name == "cpu":
                outputs = self._session.run(self._outputs, {self._input: fed}, self._options)
            else:
                outputs = self._run_on_device(fed)
        except Exception as error:  # ONNX Runtime's own exceptions have no common base
            if self._stopped:
                raise Cancelled from error
            raise self._failure(error, len(tensor)) from error
        return self._rows(outputs, len(tensor))

    def _run_on_device(self, fed: npt.NDArray[Any]) -> Sequence[npt.NDArray[Any]]:
        """Copy the batch to this thread's own place on the device, then wait for a turn to compute."""
        place: DeviceInput | None = getattr(self._own, "place", None)
        if place is None or not place.fits(fed):
            place = self._own.place = DeviceInput(self._session, self._input, self._outputs, self.provider.device, fed)
        place.copy(fed)
        with self._turn:
            return place.run(self._session, self._options)

    def _rows(self, outputs: Sequence[npt.NDArray[Any]], count: int) -> Float32:
        """(count, d) float32 of outputs such as (count, d), (count, d, 1, 1)."""
        for name, output in zip(self._outputs, outputs, strict=True):
            if output.ndim == 0 or output.shape[0] != count:
                raise ModelError(
                    f"output '{name}' has shape {output.shape} for {count} images, not one row per image",
                    path=self.model.path,
                    remedy="name another output in its spec",
                )
        flat = [output.reshape(count, -1).astype(np.float32, copy=False) for output in outputs]
        rows = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)
        if rows.shape[1] != self.model.dimensions:
            raise ModelError(
                f"gives {rows.shape[1]} numbers per image where {self.model.dimensions} were expected",
                path=self.model.path,
                remedy="add the model again",
            )
        return rows

    def _failure(self, error: Exception, count: int) -> ModelError:
        text = first_line(error)
        if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
            return OutOfMemory(
                f"not enough memory on {self.provider.name} for a batch of {count}",
                path=self.model.path,
                remedy="use a smaller --batch, or close what else uses the memory",
            )
        return ModelError(f"the network failed ({text})", path=self.model.path, remedy="check its spec and export")


# -- private ---------------------------------------------------------------------------------------------------------
def _provider_list(provider: ProviderChoice) -> list[Any]:
    """What to ask ONNX Runtime for, the device first.

    TensorFloat-32 is off: its 10 bits of mantissa move embeddings a thousandfold more than the order of sums does.
    """
    cuda = (
        PROVIDERS["cuda"],
        {"device_id": provider.device, "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"},
    )
    if provider.name == "cpu":
        return [PROVIDERS["cpu"]]
    if provider.name == "cuda":
        return [cuda, PROVIDERS["cpu"]]
    return [(PROVIDERS["tensorrt"], {"device_id": provider.device}), cuda, PROVIDERS["cpu"]]
