import subprocess
import sys

from trueup import datasets, queues


def test_the_public_names_are_these():
    assert queues.__all__ == [
        "AnnotationQueue",
        "AuditReport",
        "Format",
        "ImportReport",
        "LabelAgreement",
        "NewItem",
        "Origin",
        "PreferenceSet",
        "QueueStats",
        "Stream",
        "Submission",
        "list_queues",
    ]
    assert datasets.__all__ == [
        "AddReport",
        "CohortEvaluation",
        "Dataset",
        "Evaluates",
        "Row",
        "check_name",
        "list_versions",
    ]
    for room in (queues, datasets):
        assert all(hasattr(room, name) for name in room.__all__)


def test_the_rooms_load_no_heavy_library():
    """Commands that only look at a queue start without these."""
    code = (
        "import sys, trueup.queues, trueup.datasets; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'pandas', 'scipy.stats') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
