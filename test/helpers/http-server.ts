import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  url: string;
  /** `METHOD PATH [RANGE]` of every request, in order. */
  requests: string[];
  /** What is answered, by path; without an entry 404. */
  routes: Map<string, Handler>;
  close: () => Promise<void>;
}

/** A web server on loopback that answers what a test says. */
export async function testServer(): Promise<TestServer> {
  const requests: string[] = [];
  const routes = new Map<string, Handler>();
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    requests.push([method, url, headers.range].filter(Boolean).join(' '));
    const handler = routes.get(url);
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    routes,
    close: async () => {
      server.closeAllConnections();
      await new Promise((settle) => server.close(settle));
    },
  };
}

/** Answers with a file, or with the part of it that is asked for. */
export function file(content: string | Buffer): Handler {
  const bytes = Buffer.from(content);
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(from))
      return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    if (from >= bytes.length) return void response.writeHead(416).end();
    response.writeHead(206, { 'content-length': bytes.length - from }).end(bytes.subarray(from));
  };
}

/**
 * Announces the whole file, sends the first `length` bytes of it, and breaks the connection as soon as `arrived`
 * says that they are where they belong.
 */
export function truncated(content: string | Buffer, length: number, arrived: () => boolean): Handler {
  const bytes = Buffer.from(content);
  return (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, length));
    const look = setInterval(() => {
      if (!arrived() && !response.destroyed) return;
      clearInterval(look);
      response.destroy();
    }, 5);
  };
}

export function redirect(location: string): Handler {
  return (_request, response) => void response.writeHead(302, { location }).end();
}

/** Takes the request and never says a word. */
export const hang: Handler = () => undefined;
