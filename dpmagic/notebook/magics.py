"""``%dataprotection`` and ``%resourcegraph``: text in, results shown, the last one given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from IPython.display import display

from dpmagic.errors import Interrupted
from dpmagic.notebook import resourcegraph
from dpmagic.notebook.completion import matcher_of
from dpmagic.notebook.display import ask, can_answer, show_line
from dpmagic.session import Session

if TYPE_CHECKING:
    from dpmagic.answers import Result

NAME = "dataprotection"
NAMES = (NAME, resourcegraph.NAME)
"""The magics' names."""


@magics_class
class DataProtection(Magics):
    """The magics of one shell, with what they are to restore when they go."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self.session = session
        self.before = session.names, session.observer, session.prefix
        self.matcher = matcher_of(shell, session)

    # IPython's @output_can_be_silenced is not for us: to find the `;` it reads the text as Python, and raises where
    # that fails (a text over two lines, uneven indentation), after the commands have run.  `Result.silent` says it.
    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def dataprotection(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Run commands of `az dataprotection`, typed as in a shell, and get DataFrames.

        %dataprotection backup-vault list
        jobs = %dataprotection job list -g $group --vault-name TestBkpVault

        %%dataprotection
        vaults << backup-vault list
        job list -g rg -v vault --query "[?properties.status=='Failed']" > failed.json

        In a cell every line is a statement, also the first one after the magic's name; they run in order and stop at
        the first that fails.  `name <<` stores a result, `$name` puts a variable of yours in, `> file` writes to a
        file, a `;` at the end shows nothing.

        %dataprotection connect sandbox           a local Azure, to try things out
        %dataprotection connect azure             Azure, as the person who ran `az login`
        %dataprotection resume                    go on waiting, after Ctrl-C or --no-wait
        %dataprotection --help                    the groups of commands
        %dataprotection job list?                 the help of one command
        """
        text = line if cell is None else f"{line}\n{cell}"
        names = None if local_ns is self.shell.user_ns else local_ns
        before, self.session.ask = self.session.ask, ask if can_answer(self.shell) else None
        try:
            return self._run(text if text.strip() else "--help", names)
        finally:
            self.session.ask = before

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def resourcegraph(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Ask Azure Resource Graph in KQL, and get every row as a DataFrame.

        vaults = %resourcegraph resources | where type =~ 'microsoft.dataprotection/backupvaults'

        %%resourcegraph failed << --scope Production
        recoveryservicesresources
        | where type =~ 'microsoft.dataprotection/backupvaults/backupjobs' and properties.status == 'Failed'
        | where name in ($names)
        | project id, name, vaultName = tostring(properties.vaultName)

        `name <<` stores the rows.  `$name` outside quotes puts a variable of yours in, as a literal of its type; a list
        becomes its items.  `now()` and `ago()` are one instant for all pages.  A `;` at a cell's end shows nothing.

        --scope NAME    a subscription or management group, by name or id; several times for more (all you can see)
        --top N         the first N rows
        --out NAME      store the rows in a variable, or in a file: jobs.csv, jobs.parquet, jobs.json, jobs.xlsx
        -o FORM         json, table, tsv, yaml
        """
        wanted = resourcegraph.read(line if cell is None else f"{line}\n{cell}")
        names = self.session.names if local_ns is None else {**self.session.names, **local_ns}
        try:
            value = resourcegraph.ran(wanted, self.session, names)
        except KeyboardInterrupt:  # two lines, where Python's own has a hundred of the SDK's
            raise Interrupted("stopped before all rows were read", "none of them is kept: run it again") from None
        return None if wanted.silent and cell is not None else value

    def _run(self, text: str, names: Mapping[str, Any] | None) -> Any:
        """Carry the statements out, showing each result as it comes, and return the last one for IPython to show."""
        from dpmagic import language
        from dpmagic.execute import execute

        left = sum(isinstance(statement, language.Statement) for statement in language.parse(text))
        value = None
        for result in execute(text, self.session, names):
            left -= 1
            value = self._show(result, last=not left)
        return value

    def _show(self, result: Result, last: bool) -> Any:
        """Show what is to be seen now; the value that remains to be shown, if any."""
        if result.silent:
            return None
        if result.line:
            show_line(result.line)
        if last or result.value is None:
            return result.value
        display(result.value)
        return None
