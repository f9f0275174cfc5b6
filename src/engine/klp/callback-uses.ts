import { KlpError, type Place } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import type { IrModule } from '../ir/module.js';
import { typeSize } from '../ir/size.js';
import type { Definition } from '../kernel/definition.js';
import type { Writes } from './callback-writes.js';

/**
 * Refuses callbacks that declare a symbol as something that the kernel's is not.
 * @param symbolName its name in the callbacks' code
 * @param name its name in the kernel
 * @throws KlpError `callbacks-unusable`
 */
export function refuseOtherType(
  symbolName: string,
  name: string,
  ir: IrModule,
  kernel: Definition,
  place: Place,
): void {
  const declared = ir.globals.get(symbolName);
  if (declared === undefined || declared.kind === 'alias') return;
  if (kernel.kind !== undefined && declared.kind !== kernel.kind) {
    throw new KlpError(
      'callbacks-unusable',
      `${name} is declared as a ${declared.kind}, and the kernel's is a ${kernel.kind}`,
      place,
    );
  }
  if (declared.kind !== 'variable' || kernel.size === 0) return;
  const size = typeSize(declared.type, ir.types);
  if (size === undefined || size === kernel.size || (kernel.mayHaveMargin && size < kernel.size)) return;
  throw new KlpError(
    'callbacks-unusable',
    `${name} is declared with ${bytes(size)}, and the kernel's has ${bytes(kernel.size)}`,
    { ...place, advice: 'Declare it with the type that the kernel defines it with.' },
  );
}

/**
 * Refuses callbacks that write to what the running kernel has made read-only: it would panic.
 * @returns a warning where they hand its address to others, who may write
 * @throws KlpError `callbacks-unusable`
 */
export function refuseReadOnly(
  symbolName: string,
  name: string,
  { written, handedOn }: Writes,
  kernel: Definition,
  place: Place,
): Finding[] {
  if (!kernel.isReadOnly) return [];
  const what = `${name}, which is read-only in the running kernel`;
  if (written.has(symbolName)) {
    throw new KlpError('callbacks-unusable', `the callbacks write to ${what}`, {
      ...place,
      advice:
        'The kernel would panic. Leave the variable as it is; declared const, the compiler finds each write.',
    });
  }
  if (!handedOn.has(symbolName)) return [];
  const message = `the callbacks hand on the address of ${what}, as that of a variable that can be written to: if anything writes there, the kernel panics`;
  return [{ code: 'callbacks-unusable', severity: 'warning', message, ...place }];
}

function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}
