// What `npm start -- <arguments>` hands on to the `lockstep` command.
// @ts-check

/** The run that is trained when none is named, with enough workers to see that they agree. */
const tour = ['examples/modern.ts', '--workers', '2'];

/**
 * @param {string[]} given the user's arguments; of an option given twice the later one holds, so theirs come last
 * @returns {string[]}
 */
export function trainArguments(given) {
  const namesRun = given.some((argument) => /\.m?[jt]s$/.test(argument));
  return ['train', ...(namesRun ? [] : tour), ...given];
}
