// The page as it comes from a server: what stands there before its module has begun, and without it.
import { escaped } from '../report/escaped.ts';
import { style } from '../report/style.ts';
import { type Wishes, wishesId } from './wishes.ts';

/** The page takes nothing of its own origin but its module; it sends nothing but what it has measured, and that to nobody else. */
const policy =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'unsafe-inline'";

/** @param module where its program lies */
export const pageHtml = (wishes: Wishes, module: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Lockstep: kernels of this browser</title>
<style>${style}${ownStyle}</style>
</head>
<body>
<main>
<h1>Kernels of this browser</h1>
<p>Every kernel is compared with its definition in f64 before it is timed and again after, beside what the adapter can do at best.
${wishes.deliver ? 'The command that serves this page gets the file, and nobody else.' : 'Nothing leaves this page but what you save or copy.'}</p>
<p id="adapter">This page needs scripts, and a web server that it comes from: where this line stays, one of them is missing.</p>
<form id="controls" hidden>
<details><summary>What is measured</summary>
<p class="buttons"><button type="button" id="all">all</button> <button type="button" id="small">what fits a phone</button> <button type="button" id="none">nothing</button></p>
<div id="cases"></div></details>
<p><label>rounds <input id="rounds" type="number" min="1" max="1000" value="7" inputmode="numeric"></label></p>
<p class="buttons"><button id="start" class="main">Measure</button> <button type="button" id="stop" disabled>Stop</button></p>
</form>
<div id="state" role="status"></div>
<progress id="progress" hidden></progress>
<p id="files" class="buttons" hidden><a id="download" role="button">Save the file</a> <button type="button" id="copyJson">Copy as JSON</button> <button type="button" id="copyText">Copy as text</button></p>
<p id="ceilings"></p>
<div id="results"></div>
</main>
<script type="application/json" id="${wishesId}">${JSON.stringify(wishes).replaceAll('<', '\\u003c')}</script>
<script type="module" src="${escaped(module)}"></script>
</body>
</html>
`;

const ownStyle = `
button, .buttons a { font: inherit; padding: .45rem .9rem; border: 1px solid var(--faint); border-radius: .4rem; background: transparent; color: inherit; text-decoration: none; cursor: pointer; display: inline-block; margin: .15rem 0; }
th button { padding: 0; margin: 0; }
button.main { background: var(--mark); border-color: var(--mark); color: var(--page); font-weight: 600; }
button:disabled { opacity: .45; cursor: default; }
details { border: 1px solid var(--faint); border-radius: .4rem; padding: .4rem .8rem; }
summary { cursor: pointer; }
#cases { columns: 17rem; } #cases label { display: block; break-inside: avoid; padding: .1rem 0 .1rem 1.6rem; text-indent: -1.6rem; }
input[type=number] { font: inherit; width: 5rem; color: inherit; background: transparent; border: 1px solid var(--faint); border-radius: .3rem; padding: .2rem .4rem; }
progress { width: 100%; }
#adapter, #ceilings { white-space: pre-line; }
#state { min-height: 1.5em; overflow-wrap: anywhere; }
`;
