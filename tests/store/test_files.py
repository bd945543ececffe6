import errno

import pytest

from trueup.errors import InputError
from trueup.store.files import whole_file


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_no_file_to_write(tmp_path, overwrite):
    folder = tmp_path / "out.jsonl"
    folder.mkdir()
    with (
        pytest.raises(InputError, match=r"out\.jsonl is a folder: name a file in it"),
        whole_file(folder, overwrite=overwrite),
    ):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path):
    def fill_the_disk(path):
        with whole_file(path, overwrite=True) as new:
            new.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "out.jsonl"
    path.write_text("a reviewer's day")
    with pytest.raises(InputError, match="No space left"):
        fill_the_disk(path)
    assert path.read_text() == "a reviewer's day"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


def test_other_trouble_of_the_writer_passes_through(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "out") as new:
        new.with_name("nowhere").read_text()
    assert list(tmp_path.iterdir()) == []
