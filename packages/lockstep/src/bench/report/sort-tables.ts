// Sorts tables of a page by the column whose head is pressed. A report takes the function along as text: it may use nothing from here.

/** Acts for all tables of the document, those that come later, too. */
export function sortTables(): void {
  document.addEventListener('click', ({ target }) => {
    const cell = (target as Element).closest('th button')?.closest('th');
    const table = cell?.closest('table');
    if (!cell || !table) return;
    const isDown = cell.ariaSort === 'ascending';
    for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
    cell.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
    const key = (row: HTMLTableRowElement): string | number => {
      const { dataset, textContent } = row.cells[cell.cellIndex]!;
      return dataset['value'] === undefined ? textContent : Number(dataset['value']);
    };
    const order = (a: string | number, b: string | number): number => {
      if (typeof a === 'string' || typeof b === 'string')
        return isDown ? String(b).localeCompare(String(a)) : String(a).localeCompare(String(b));
      // What has no number comes last either way.
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || (isDown ? b - a : a - b);
    };
    const body = table.tBodies[0]!;
    body.append(...Array.from(body.rows).toSorted((a, b) => order(key(a), key(b))));
  });
}
