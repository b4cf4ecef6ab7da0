"""Reading single files out of packages: folders, wheels and other zip files, tar archives."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from pytest_matalign.errors import ConfigurationError


def read_member(origin: Path, pattern: str) -> bytes:
    """Return the content of the one file whose name matches `pattern`.

    Args:
        origin: A folder (searched recursively), a wheel or zip file, a tar archive, or the
            very file.
        pattern: Shell pattern of the file's name, or of its name and the last of its folders.

    Raises:
        ConfigurationError: The origin does not exist, is of another kind, or holds no or several
            such files.
    """
    if not origin.exists():
        raise ConfigurationError(f"{origin} does not exist; give a package file or a folder.")
    if origin.is_dir():
        return _one(origin, pattern, sorted(map(str, origin.rglob(pattern)))).read_bytes()
    if PurePosixPath(origin).match(pattern):
        return origin.read_bytes()
    if zipfile.is_zipfile(origin):
        with zipfile.ZipFile(origin) as archive:
            return archive.read(str(_one(origin, pattern, archive.namelist(), pattern)))
    if origin.suffix == ".deb" or not tarfile.is_tarfile(origin):
        raise ConfigurationError(
            f"{origin} is neither a folder, a wheel nor a tar archive; unpack it first "
            "(a Debian package: `dpkg-deb -x FILE FOLDER`) and give the folder."
        )
    with tarfile.open(origin) as archive:
        stream = archive.extractfile(str(_one(origin, pattern, archive.getnames(), pattern)))
        if stream is None:
            raise ConfigurationError(f"{pattern} in {origin} is not a plain file.")
        return stream.read()


def _one(origin: Path, pattern: str, names: list[str], match: str = "*") -> Path:
    found = [name for name in names if PurePosixPath(name).match(match)]
    if len(found) != 1:
        raise ConfigurationError(
            f"{origin} holds {len(found)} files named {pattern} where exactly one is needed; "
            "check that it is the package and version named in the split's provenance."
        )
    return Path(found[0])
