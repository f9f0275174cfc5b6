import { carriedIn } from '../ir/carried.js';
import { globalsIn } from '../ir/text.js';

const tailCall = /^(\s*(?:%\S+ = )?)(?:tail|musttail) call /;
const throughPointer = / %[-\w$.]+\(/;

/**
 * The kernel knows by the replaced functions on a task's stack that the task is in a livepatch (klp_check_stack_func() in
 * kernel/livepatch/transition.c). One that ends with a jump to what it calls is not there any more: if that is code of the
 * livepatch's own, or got a pointer to something of it, the module could be unloaded under a task that sleeps in it. Such
 * calls return to the function.
 * @param body of a replaced function
 * @param isOwn whether the livepatch brings a global
 * @param mayPointToOwn whether a pointer to a function may lead to one that the livepatch brings
 */
export function keepFrame(body: string, isOwn: (name: string) => boolean, mayPointToOwn: boolean): string {
  const lines = body.split('\n');
  if (!lines.some((line) => tailCall.test(line))) return body;
  const carried = carriedIn(lines, isOwn);
  const reachesOwn = (line: string): boolean =>
    (mayPointToOwn && throughPointer.test(line)) ||
    globalsIn(line).some(isOwn) ||
    (line.match(/%[-\w$.]+/g) ?? []).some((value) => carried.has(value));
  return lines
    .map((line) =>
      tailCall.test(line) && reachesOwn(line) ? line.replace(tailCall, '$1notail call ') : line,
    )
    .join('\n');
}
