"""Makes `import gradio` lighter: 1.3 s of processor time instead of 2.2.

While it is imported, Gradio parses the source of each of its components three times to rewrite the stub files beside
them, which help editors and nothing that runs. `skip_stubs` takes that step out before Gradio is imported; with a
Gradio that has no such step it does nothing.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

MODULE = "gradio.component_meta"


def skip_stubs() -> None:
    """Has to be called before Gradio is imported; later it changes nothing."""
    if MODULE not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the one module as ever, and loads it with `_Loader`."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        vars(module)["create_or_modify_pyi"] = lambda component, name, events: None
