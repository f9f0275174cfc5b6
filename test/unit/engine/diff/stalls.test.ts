import { describe, expect, it } from 'vitest';
import { stallFindings } from '../../../../src/engine/diff/stalls.js';
import { comparedIr } from '../../../helpers/unit.js';

const messages = (before: string, after = before.replace('i32 1', 'i32 2')): string[] =>
  stallFindings(comparedIr(before, after), []).map(({ message }) => message);
const declarations = `declare void @act(i32)
declare i1 @kthread_should_stop()
declare ptr @kthread_create_on_node(ptr, ptr, i32, ptr, ...)`;

describe('a function that tasks do not leave', () => {
  it.each([
    [
      'never returns',
      'f never returns',
      `define void @f() {
  br label %1

1:
  call void @act(i32 1)
  br label %1
}`,
    ],
    [
      'is the loop of a thread',
      'f is the loop of a kernel thread',
      `define i32 @f(ptr %0) {
  br label %2

2:
  call void @act(i32 1)
  %3 = call i1 @kthread_should_stop()
  br i1 %3, label %4, label %2

4:
  ret i32 0
}`,
    ],
    [
      'is started as a thread',
      'f is the main function of a kernel thread',
      `define internal i32 @f(ptr %0) {
  call void @act(i32 1)
  ret i32 0
}

define void @start() {
  %1 = call ptr (ptr, ptr, i32, ptr, ...) @kthread_create_on_node(ptr noundef nonnull @f, ptr null, i32 -1, ptr null)
  ret void
}`,
    ],
    [
      'is where tasks sleep',
      'schedule is where tasks sleep',
      `define void @schedule() {
  call void @act(i32 1)
  ret void
}`,
    ],
  ])('is told of: it %s', (_, expected, text) => {
    const found = messages(`${text}\n${declarations}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it.each([
    [
      'returns from its loop',
      `define void @f(i1 %0) {
  br label %2

2:
  call void @act(i32 1)
  br i1 %0, label %2, label %3

3:
  ret void
}`,
    ],
    [
      'ends the task',
      `define void @f() {
  call void @act(i32 1)
  unreachable
}`,
    ],
    [
      'starts a thread',
      `define void @f() {
  call void @act(i32 1)
  %1 = call ptr (ptr, ptr, i32, ptr, ...) @kthread_create_on_node(ptr noundef nonnull @main, ptr @f, i32 -1, ptr null)
  ret void
}

declare i32 @main(ptr)`,
    ],
  ])('is none that %s', (_, text) => {
    expect(messages(`${text}\n${declarations}`)).toEqual([]);
  });

  it('is no matter where it does not change', () => {
    const loop = `define void @f() {
  br label %1

1:
  call void @act(i32 3)
  br label %1
}

define void @g() {
  call void @act(i32 1)
  ret void
}`;
    expect(messages(`${loop}\n${declarations}`)).toEqual([]);
  });
});
