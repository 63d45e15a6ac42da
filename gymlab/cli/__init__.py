"""The command line: one module a command, each one call of a public function.

Exit codes: 0 done; 1 a claim or alert failed under --strict, or the report itself failed; 2 the input cannot be
used; 3 another run holds the lock; 130 interrupted, 129 and 143 asked to end; 141 nobody read the output to its end.
"""

# Nothing else is imported here: main catches an interrupt during the imports too.
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; every error that gymlab raises on purpose is one line on stderr."""
    try:
        import signal

        # A request to end is an exception too, so that nothing half-written stays behind.
        for request in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, request, None)
            # Who starts a command with nohup wants it to go on.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda got, _: sys.exit(128 + got))
        from gymlab.cli.output import robust_output

        with robust_output():
            from gymlab.cli.commands import run

            run()
    except KeyboardInterrupt:
        _tell_interrupted()
        raise SystemExit(_INTERRUPTED) from None
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _tell_interrupted()
        raise
    finally:
        _end_without_interrupts()


def _end_without_interrupts() -> None:
    """Ignore interrupts once Python ends, which none could shorten; called last, since what is registered last is done first."""
    import atexit
    import signal

    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _tell_interrupted() -> None:
    if sys.stderr is not None:
        sys.stderr.write("gymlab: interrupted\n")
