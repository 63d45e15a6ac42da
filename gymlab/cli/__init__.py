"""The command line. Each command calls one public function.

Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report itself failed; 2 the input cannot be
used; 3 another run holds the lock; 130 interrupted; 129 and 143 asked to end; 141 the output was closed by its reader.
"""

# The other imports are in main, so that it also catches an interrupt during the imports.
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; print one line on stderr for an error that gymlab raises on purpose."""
    try:
        import signal

        # A request to end also raises an exception, so that temporary files are removed.
        for request in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, request, None)
            # If nohup has made the process ignore SIGHUP, this stays, so that the command continues.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda got, _: sys.exit(128 + got))
        from gymlab.cli.output import robust_output

        with robust_output():
            from gymlab.cli.commands import run

            run()
    except KeyboardInterrupt:
        _print_interrupted()
        raise SystemExit(_INTERRUPTED) from None
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _print_interrupted()
        raise
    finally:
        _end_without_interrupts()


def _end_without_interrupts() -> None:
    """Ignore interrupts during Python's exit. This function is registered last, so it runs first."""
    import atexit
    import signal

    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _print_interrupted() -> None:
    if sys.stderr is not None:
        sys.stderr.write("gymlab: interrupted\n")
