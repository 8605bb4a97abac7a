import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { NGINX } from './tools/install.ts';
import { type Server, startServer } from './tools/server.ts';

/** Seconds after which it closes a connection that waits for its next call. It says so nowhere in its replies. */
export const KEEP_ALIVE = 1;

const configuration = (port: number, upstreamPort: number): string => `
daemon off;
user ${userInfo().username};
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1000; }
http {
  access_log off;
  keepalive_timeout ${KEEP_ALIVE}s;
  keepalive_requests 100000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')}
  upstream behind { server 127.0.0.1:${upstreamPort}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header connection "";
    }
  }
}
`;

/** nginx in front of a server, with its defaults but for the keep-alive: it passes nothing on twice. */
export const startNginx = (upstreamPort: number): Promise<Server> =>
  startServer('nginx', (port, folder) => {
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, upstreamPort));
    return [NGINX, '-p', folder, '-c', 'nginx.conf', '-e', 'stderr'];
  });
