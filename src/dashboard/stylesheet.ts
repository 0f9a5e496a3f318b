/** The look of all pages: one column that fits 320 pixels, in the browser's own light or dark. */
export const STYLESHEET = `
:root { color-scheme: light dark; --line: #767676; --accent: light-dark(#0b57d0, #a8c7fa); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 36rem; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin-top: 2rem; }
nav { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline; }
nav form { margin-left: auto; }
a { color: var(--accent); }
label { display: block; margin-top: 1rem; font-weight: 600; }
label.choice { font-weight: 400; margin-top: .5rem; }
small { display: block; }
input:not([type=checkbox]) { width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--line); border-radius: .25rem; }
button { font: inherit; padding: .5rem 1rem; margin: 1rem .5rem 0 0; border: 1px solid var(--line); border-radius: .25rem; min-height: 2.75rem; cursor: pointer; }
button.first { background: var(--accent); color: light-dark(#fff, #062e6f); border-color: transparent; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
ul { padding-left: 1.25rem; }
li { margin: .5rem 0; }
pre { white-space: pre-wrap; border: 1px solid var(--line); border-radius: .25rem; padding: .5rem; max-height: 24rem; overflow: auto; }
.notice { border-left: 4px solid var(--accent); padding: .25rem .75rem; }
.secret { font-family: ui-monospace, monospace; }
@media (max-width: 26rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .5rem; } }
`.trimStart()
