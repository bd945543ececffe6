import subprocess
import sys


def test_the_rooms_load_no_heavy_library():
    """Commands that only look at a queue start without these."""
    code = (
        "import sys, trueup.queues, trueup.datasets; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'pandas', 'scipy.stats') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
