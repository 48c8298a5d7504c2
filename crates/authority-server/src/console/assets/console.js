// Makes the pages of the console more convenient. Every page works without it.
'use strict';

/** Copies the text of an element: `<button data-copy="ID" data-copied="TEXT">`. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.textContent.trim());
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-copy]');
  if (button) copy(button).catch(() => {});
});

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
}
