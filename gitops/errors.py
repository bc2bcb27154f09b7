"""The one kind of error that a person reads: what is wrong, where, and the next step."""

from __future__ import annotations


class GitopsError(Exception):
    """Ends a verb with one line on standard error and ``exit_code``.

    ``problem`` says what is wrong and where; ``fix`` is the next step to take.
    Several independent problems go into ``others``, each a line of its own.
    """

    def __init__(self, problem: str, *, fix: str = "", others: tuple[str, ...] = (), exit_code: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
        self.others = others
        self.exit_code = exit_code

    def __str__(self) -> str:
        lines = [self.problem, *self.others]
        if self.fix:
            lines[-1] = f"{lines[-1]} → {self.fix}"
        return "\n".join(lines)
