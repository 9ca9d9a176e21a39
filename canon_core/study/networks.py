"""Networks in a study: added, found again, and hashed anew where their files changed."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from canon_core.errors import CanonError, ModelError, StudyError
from canon_core.models.onnx_file import content_hash, open_onnx
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.models.spec import ModelSpec
from canon_core.store.embeddings import read_info
from canon_core.study.manifest import ModelRecord, OutsidePath
from canon_core.study.places import is_elsewhere, is_unchanged, network_by_content
from canon_core.study.records import model_record, network_stamps
from canon_core.study.register import Register


def add_network(
    register: Register,
    file: str | Path,
    *,
    name: str | None,
    preset: str | None,
    spec_file: Path | None,
    spec: ModelSpec | None,
) -> ModelRecord:
    """Remember a network, with its hash and where its file lies."""
    path = Path(os.path.abspath(file))
    with register.mutex:
        register.need_writing()
        name = register.free_model_name(name, path.stem)
    resolved = resolve_model(path, preset=preset, spec_file=spec_file, spec=spec)
    stamps = network_stamps(path)
    with register.mutex:
        name = register.free_model_name(name, name)
        record = model_record(name, register.new_model_folder(name), resolved, stamps, register.folder)
        register.change(models=(*register.manifest.models, record))
        return record


def set_preprocessing(register: Register, name: str, spec: ModelSpec) -> ModelRecord:
    """Change a network's preprocessing where nothing was embedded with it."""
    record = register.model(name)
    if record.imported:
        raise StudyError(f"'{name}' has no network whose preprocessing could be changed", path=register.folder)
    _need_no_embeddings(register, record)
    file = network_by_content(record, register.folder)
    resolved, stamps = resolve_model(file, spec=spec), network_stamps(file)
    _need_same_elsewhere(record, resolved)
    with register.mutex:
        _need_no_embeddings(register, record)
        now = register.model_in(record.folder)
        changed = model_record(now.name, now.folder, resolved, stamps, register.folder)
        register.put_model(changed)
        return changed


def resolved_network(register: Register, name: str) -> ResolvedModel:
    """A network ready to be run; a new hash of it is remembered where its file changed."""
    record = register.model(name)
    file = network_by_content(record, register.folder)
    if record.imported:
        raise ModelError(
            f"'{name}' has no network: its embeddings were made elsewhere", path=file, remedy="leave it out"
        )
    if not file.is_file():
        raise ModelError("the network is gone", path=file, remedy="put it back, or say where it lies now: canon locate")
    resolved, stamps = resolve_model(file, spec=record.spec), network_stamps(file)
    _need_same_elsewhere(record, resolved)
    with register.mutex:
        now = register.model_in(record.folder)
        if now.spec == record.spec:  # else the user chose another one meanwhile, and that stays
            changed = model_record(now.name, now.folder, resolved, stamps, register.folder).model_copy(
                update={"origin": now.origin, "notes": now.notes}
            )
            if changed != now:
                register.put_model(changed, revise=changed.sha256 != now.sha256)
    return resolved


def refresh_network(register: Register, name: str) -> None:
    """Hash a network's files again where their sizes or times are others than when they were hashed, or it may lie in
    two places.

    Raises
    ------
    ModelError
        When it lay elsewhere, and what lies there now is another network.
    """
    record = register.model(name)
    if record.imported:
        return
    places = record.file.places(register.folder)
    if len(places) > 1 and os.path.samefile(*places):
        places = places[:1]
    if not places or not all((place.parent / stamp.name).is_file() for place in places for stamp in record.stamps):
        return  # its embeddings can be used without it
    if len(places) > 1 or not is_unchanged(record, places[0]):
        resolved_network(register, name)
    elif is_elsewhere(record.file, places[0]):  # it moved with the study, and may be changed there from now on
        with register.mutex:
            here = OutsidePath.of(places[0], register.folder)
            register.put_model(register.model_in(record.folder).model_copy(update={"file": here}), revise=False)


def locate_network(register: Register, name: str, file: str | Path) -> ModelRecord:
    """Remember another place of a network's file, whose content must be what it was."""
    record, path = register.model(name), Path(os.path.abspath(file))
    register.need_writing()
    if record.imported:
        raise StudyError(f"'{name}' has no network: its embeddings were made elsewhere", path=register.folder)
    found = content_hash(path, open_onnx(path).data_files)
    if found != record.sha256:
        other = next((each.name for each in register.manifest.models if each.sha256 == found), "")
        raise ModelError(
            f"not the network '{name}': its SHA-256 begins with {found[:12]}, and '{name}' had {record.sha256[:12]}",
            path=path,
            remedy=f"it is that of '{other}': locate that model there, and '{name}' elsewhere" if other else
            "choose the file that was added, or add this one as another model",
        )
    resolved, stamps = resolve_model(path, spec=record.spec), network_stamps(path)
    with register.mutex:
        now = register.model_in(record.folder)
        changed = model_record(now.name, now.folder, resolved, stamps, register.folder).model_copy(
            update={"origin": now.origin, "notes": now.notes}
        )
        register.put_model(changed, revise=False)
        return changed


def locate_networks_beside(register: Register, file: str | Path) -> tuple[str, ...]:
    """Look for the networks that are gone beside a file, each by the name its own had, and remember those places where
    the content is what it was; whatever keeps one from being found leaves it gone.

    Returns
    -------
    tuple of str
        Names of the models found, in the study's order.
    """
    folder, found = Path(os.path.abspath(file)).parent, []
    for record in register.manifest.models:
        if record.imported or record.file.locate(register.folder).is_file():
            continue
        beside = folder / PureWindowsPath(record.file.absolute).name  # which parts names at either slash
        try:
            if beside.is_file():
                found.append(locate_network(register, record.name, beside).name)
        except (CanonError, OSError):  # another network of the same name, or none
            continue
    return tuple(found)


def _need_same_elsewhere(record: ModelRecord, resolved: ResolvedModel) -> None:
    """ModelError where another network was found where this one must have moved to; one that changed where it lay is
    the user's doing."""
    if resolved.sha256 != record.sha256 and is_elsewhere(record.file, resolved.path):
        raise ModelError(
            f"not the network '{record.name}', which was added at {record.file.absolute}: its SHA-256 begins with"
            f" {resolved.sha256[:12]}, and '{record.name}' had {record.sha256[:12]}",
            path=resolved.path,
            remedy="put the network back, say where it lies now with `canon locate`, or add this one as another model",
        )


def _need_no_embeddings(register: Register, record: ModelRecord) -> None:
    register.need_writing()
    for path in (register.folder / "embeddings" / record.folder).glob("*.h5"):
        try:
            begun = read_info(path).done > 0
        except CanonError:
            begun = True
        if begun:
            raise StudyError(
                f"model '{record.name}' has embeddings made with its present preprocessing",
                path=register.folder,
                remedy="add the network once more under another name with the new one",
            )
