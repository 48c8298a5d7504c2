'use strict';

// Runs a command with a registry of npm on this machine. Fails if the command fails, or if the
// registry receives a request.
//
//     node tools/count-requests.js COMMAND ARGUMENT…

const { spawn } = require('node:child_process');
const http = require('node:http');

const requests = [];
const registry = http.createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  response.writeHead(404).end('{}');
});

registry.listen(0, '127.0.0.1', () => {
  const [command, ...words] = process.argv.slice(2);
  const env = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${registry.address().port}/`,
    // npm asks for its own newest version now and then.
    npm_config_update_notifier: 'false',
  };
  const child = spawn(command, words, { stdio: 'inherit', env });
  child.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on('close', (code) => {
    for (const request of requests) console.error(`the registry received: ${request}`);
    process.exit(code === 0 && requests.length === 0 ? 0 : 1);
  });
});
