import { entry } from './entry.js';

/** Codes of a survey of many changes. */
export const surveyCodes = {
  'survey-empty': entry(
    'usage',
    'There is nothing to survey',
    'The range of commits, the folder or the difference holds no patch, or none that touches what --only names.',
    'Check the range or the folder; a folder is searched for .patch, .diff, .mbox and .eml files, without those below it; of one with a `series` file, what that lists is taken.',
  ),
  'survey-too-large': entry(
    'usage',
    'A survey of so many changes is a mistake',
    'A survey takes up to 20,000 patches and 384 MiB of them; two releases of a stable branch are far below that.',
    'Survey a part of it: a smaller range, or the files and folders that --only names.',
  ),
  'git-range-unusable': entry(
    'usage',
    'The commits of a range cannot be listed',
    'git was asked for the commits of the range as patches and failed, or the text is no range.',
    'Check that --git names a repository and that both ends of FROM..TO are known in it (git log FROM..TO).',
  ),
  'item-timeout': entry(
    'environment',
    'A change took longer than a survey gives it',
    'The container that worked on it was removed, and the survey went on. A header that most of the kernel reads has ' +
      'every file compiled twice.',
    'Run the survey again with a larger --item-timeout; what is done is taken as it is.',
  ),
  'failed-in-company': entry(
    'verification',
    'A livepatch failed beside others and passed alone',
    'It was loaded after others in one boot and failed; in a boot of its own it passed. Either one of those before it ' +
      'left the kernel changed, or the fault comes and goes.',
    'Verify it and those before it with klp-docker verify, together and alone.',
    'warning',
  ),
};
