// Fills the inbox of the development console while its page is visible.
'use strict';

const list = document.getElementById('messages');
const blank = document.getElementById('message');
const MAX_ROWS = 100;

let stream;
let last = list.dataset.last;

/** Shows an SMS. All of its texts are text, and never markup. */
function show(event) {
  const sms = JSON.parse(event.data);
  last = event.lastEventId;
  const row = blank.content.cloneNode(true).querySelector('tr');
  const [when, to, purpose, text] = row.children;
  when.firstElementChild.dateTime = sms.machine;
  when.firstElementChild.textContent = sms.exact;
  to.firstElementChild.textContent = sms.to;
  purpose.textContent = sms.purpose;
  text.firstElementChild.textContent = sms.text;
  list.prepend(row);
  while (list.children.length > MAX_ROWS) list.lastElementChild.remove();
  if (sms.code) showNewest(sms);
  document.getElementById('announcement').textContent = sms.announcement;
}

function showNewest(sms) {
  const code = document.getElementById('newest-code');
  code.textContent = sms.code;
  code.dataset.test = 'newest-code';
  document.getElementById('newest-to').textContent = sms.to;
  document.getElementById('newest-purpose').textContent = sms.purpose;
  const time = document.getElementById('newest-time');
  time.dateTime = sms.machine;
  time.textContent = sms.exact;
  document.getElementById('newest').hidden = false;
  document.getElementById('no-code').hidden = true;
}

/** A browser has six connections to a server: a hidden page needs none. */
function follow() {
  const needed = document.visibilityState === 'visible';
  if (needed && (!stream || stream.readyState === EventSource.CLOSED)) {
    stream = new EventSource(`/events?after=${encodeURIComponent(last)}`);
    stream.addEventListener('sms', show);
  } else if (!needed && stream) {
    stream.close();
    stream = undefined;
  }
}

document.addEventListener('visibilitychange', follow);
addEventListener('pagehide', () => stream?.close());
addEventListener('pageshow', follow);
follow();
