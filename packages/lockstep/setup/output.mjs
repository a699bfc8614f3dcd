// A reader that goes away, or a disk that is full behind a redirection, does not end the process: who minds listens for the
// streams' errors. Import this before anything is written.
// @ts-check

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
