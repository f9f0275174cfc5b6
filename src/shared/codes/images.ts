import { entry } from './entry.js';

/** Codes of images, kernel sources, downloads and Docker. */
export const imagesCodes = {
  'unknown-arch': entry(
    'usage',
    'Unknown architecture',
    'The name given with --arch is not one that klp-docker has data for (images/catalog/arch).',
    'Use one of the names in the message.',
  ),
  'unknown-llvm': entry(
    'usage',
    'Unknown LLVM version',
    'The LLVM version asked for is not in images/catalog/toolchains.json, so it is not known where to get it.',
    'Use one of the versions in the message, or leave --llvm out: the version that fits the kernel is chosen.',
  ),
  'llvm-does-not-fit': entry(
    'refused',
    'This LLVM cannot build this kernel',
    'The LLVM version is below the minimum that the kernel asks for, or the pair is known to give a broken kernel.',
    'Leave --llvm out, or choose a version the message allows.',
  ),
  'kernel-too-old': entry(
    'refused',
    'This kernel has no livepatch support on this architecture',
    'Below the version in the message the kernel cannot be livepatched on this architecture.',
    'Use a newer kernel.',
  ),
  'kernel-needs-series': entry(
    'refused',
    'This kernel cannot be livepatched without the series that was switched off',
    'Upstream arm64 kernels have livepatch support since 6.17. For older ones the image build adds it by a series of patches of its own (images/series), and --no-arm64-series forbids that.',
    'Leave --no-arm64-series away, and run the kernel of the image, or one with the same series, on the machines to be patched; or use Linux 6.17 or newer.',
  ),
  'series-does-not-apply': entry(
    'refused',
    "The project's own patches do not apply to this kernel's source",
    'The image build adds livepatch support to kernels that lack it by patches made for certain releases. They are applied exactly or not at all, and this source differs where they change it.',
    'Use a plain release from kernel.org or Debian, or a source without changes in the files that the message names.',
  ),
  'kernel-version-invalid': entry(
    'usage',
    'Not a kernel version',
    'A kernel is named by its version: X.Y for the newest point release of a line, or X.Y.Z.',
    'Give for example --kernel 6.12 or --kernel 6.12.107.',
  ),
  'docker-not-reachable': entry(
    'environment',
    'No Docker engine answers',
    'Images are built and patches are compiled in containers; that needs a Docker engine (20.10 or newer) that this user may talk to.',
    'Start it (`systemctl start docker`, or `dockerd` as root), join the group `docker`, or set DOCKER_HOST. On Debian: apt-get install docker.io',
  ),
  'docker-failed': entry(
    'environment',
    'The Docker engine reported a failure',
    'The engine answers but could not do what it was asked to; its words are in the message.',
    'See the message; `klp-docker doctor` checks the engine, its disk and the network.',
  ),
  'image-build-failed': entry(
    'environment',
    'An image could not be built',
    'A step of the image build failed. The command and its last lines are shown. No image was left under a final name.',
    'Read the last lines: a mirror that does not answer and a kernel that does not compile with this configuration are the usual causes.',
  ),
  'image-not-found': entry(
    'environment',
    'There is no such image, and it may not be made',
    'The command was told to neither build nor pull, and no local image fits.',
    'Run klp-docker build with the same --kernel and --arch first.',
  ),
  'image-unusable': entry(
    'environment',
    'The image is not one of ours',
    'The image lacks the engine, the kernel or the boot files that klp-docker puts into its images.',
    'Build it again with klp-docker build.',
  ),
  'registry-failed': entry(
    'environment',
    'The registry refused or does not answer',
    'Pulling or pushing an image failed; the reason of the registry is in the message.',
    "Check the registry's name, `docker login`, and that it is reachable. Without --pull the image is built here.",
  ),
  'registry-not-set': entry(
    'usage',
    'No registry is configured',
    '--push and --pull need to know which registry to use.',
    'Set KLP_DOCKER_REGISTRY, for example to registry.example.org/team.',
  ),
  'no-disk-space': entry(
    'environment',
    'Not enough disk space',
    'An image with a kernel built in it needs more space than is free, and nothing was started; or the disk ' +
      'for the results or for temporary files is full, and nothing incomplete was left there.',
    'Free the space in the message, for example with docker system prune; move the cache with KLP_DOCKER_CACHE, ' +
      'temporary files with TMPDIR, or results with -o.',
  ),
  'base-image-failed': entry(
    'environment',
    'No base image',
    'No registry answers and a base could not be made from the Debian mirror either.',
    'Install mmdebstrap (apt-get install mmdebstrap) and run as root, or make a registry reachable.',
  ),
  'config-lost-option': entry(
    'refused',
    'The kernel configuration cannot have what a livepatch needs',
    'After `make olddefconfig` an option that livepatching needs is off: something it depends on is off.',
    'Enable what the message says the option depends on, or use --config tiny.',
  ),
  'config-not-found': entry(
    'usage',
    'The configuration file cannot be read',
    '--config takes tiny, defconfig, or the path of a kernel .config file.',
    'Check the path.',
  ),
  'source-invalid': entry(
    'usage',
    'Not a kernel source',
    '--source takes kernel.org, debian, debian:SUITE, git+URL#TAG, a tarball, or a folder.',
    'See klp-docker build --help.',
  ),
  'source-not-found': entry(
    'environment',
    'No source for this kernel',
    'None of the places that were asked has the source of this kernel version.',
    'See the message for what each place has; --kernel X.Y takes the newest point release that there is, and --source names another place.',
  ),
  'source-unusable': entry(
    'usage',
    'The source is not a kernel tree',
    'The archive or folder does not hold the sources of a Linux kernel.',
    'Give a folder or tarball with the kernel Makefile at its top.',
  ),
  'source-version-differs': entry(
    'usage',
    'The source is another kernel version',
    "The version in the source's Makefile is not the one given with --kernel.",
    'Give the version in the message with --kernel.',
  ),
  'mirror-not-reachable': entry(
    'environment',
    'A mirror does not answer',
    'Neither of the places kernel sources come from could be reached.',
    'Check the network and proxy settings; KLP_DOCKER_DEBIAN_MIRROR and KLP_DOCKER_KERNEL_ORG name other mirrors; --source takes a tarball.',
  ),
  'download-failed': entry(
    'environment',
    'A download broke off',
    'The server stopped answering or sent less than it announced, several times. What arrived is kept and continued next time.',
    'Run the command again; if it happens again use another mirror.',
  ),
  'checksum-mismatch': entry(
    'environment',
    'A file is not what it should be',
    'The checksum of a downloaded file differs from the one that was published for it. The file was removed and nothing was built.',
    'Run the command again; if it happens again the mirror is broken or tampered with: use another one.',
  ),
  'signature-invalid': entry(
    'environment',
    'A signature does not match',
    "The mirror's index is not signed by a key of the archive it claims to be. Nothing from it was used.",
    "Use another mirror, or a keyring with the archive's present keys; Debian's come with the package debian-archive-keyring.",
  ),
  'signature-not-checked': entry(
    'environment',
    'A signature was not checked',
    'Checksums were compared, but the signature of the list they come from could not be checked here.',
    'Install gpgv and debian-archive-keyring.',
    'warning',
  ),
  'container-failed': entry(
    'environment',
    'The container ended without a result',
    'The engine of klp-docker in the container was stopped or could not start; its last lines are shown.',
    'If the message says out of memory, raise KLP_DOCKER_MEMORY (in MiB).',
  ),
  'output-unsafe': entry(
    'defect',
    'The container sent an unexpected file',
    'Only plain files with plain names are accepted from a container.',
    'Please report it.',
  ),
} as const;
