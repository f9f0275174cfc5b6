import { describe, expect, it } from 'vitest';
import { startFailed } from '../../../src/controller/docker/shell.js';

describe('a container that does not start', () => {
  it.each([
    ['nosuch', 'failed to create task for container: exec: "nosuch": executable file not found in $PATH'],
    ['/nosuch', 'unexpected - exec: "/nosuch": stat /nosuch: no such file or directory: unknown'],
    ['/etc/passwd', 'unexpected - exec: "/etc/passwd": permission denied: unknown'],
  ])('has a command that cannot be run: %s', (command, message) => {
    const error = startFailed(command, new Error(message));
    expect(error).toMatchObject({ code: 'usage', kind: 'usage' });
    expect(error.message).toContain(`no such command in the image: ${command}`);
  });

  it.each(['(HTTP code 500) server error - out of pids', 'exec: "runc": executable file not found in $PATH'])(
    'says what Docker says for any other reason: %s',
    (message) => {
      const error = startFailed('bash', new Error(message));
      expect(error).toMatchObject({ code: 'docker-failed', kind: 'environment' });
      expect(error.message).toContain(message);
    },
  );
});
