/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of commands, and the help.
 */
#include "commands.h"

#include <stdio.h>
#include <vemu/vm.h>

#include "img.h"

const struct command commands[] = {
    { "amend", cmd_amend, "[--image-opts] [-p] [-q] [-f fmt] [-t cache] -o options filename" },
    { "bench", cmd_bench,
      "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] [-i threads] [--no-drain] "
      "[-o offset] [--pattern=pattern] [-q] [-s buffer_size] [-S step_size] [-t cache] [-w] [-U] "
      "filename" },
    { "bitmap", cmd_bitmap,
      "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... [-b source_file [-F "
      "source_fmt]] [-g granularity] [--image-opts | -f fmt] filename bitmap" },
    { "check", cmd_check,
      "[--image-opts] [-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-T src_cache] [-U] "
      "filename" },
    { "commit", cmd_commit,
      "[--image-opts] [-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p] filename" },
    { "compare", cmd_compare,
      "[--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2" },
    { "convert", cmd_convert,
      "[--image-opts] [--target-image-opts] [--target-is-zero] [--bitmaps [--skip-broken-bitmaps]] "
      "[-U] [-C] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] [-O output_fmt] [-B "
      "backing_file [-F backing_fmt]] [-o options] [-l snapshot_param] [-S sparse_size] [-r "
      "rate_limit] [-m num_threads] [-W] [--salvage] filename [filename2 [...]] output_filename" },
    { "create", cmd_create,
      "[-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]" },
    { "dd", cmd_dd,
      "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] [skip=blocks] "
      "if=input of=output" },
    { "info", cmd_info, "[--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] [-U] filename" },
    { "map", cmd_map,
      "[--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U] "
      "filename" },
    { "measure", cmd_measure,
      "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [--image-opts] [-f fmt] [-l "
      "snapshot_param] [-U] filename]" },
    { "snapshot", cmd_snapshot,
      "[--image-opts] [-f fmt] [-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot] filename" },
    { "rebase", cmd_rebase,
      "[--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] -b backing_file [-F "
      "backing_fmt] filename" },
    { "resize", cmd_resize,
      "[--image-opts] [-f fmt] [--preallocation=prealloc] [-q] [--shrink] filename [+ | -]size" },
    { NULL, NULL, NULL },
};

void print_version(void)
{
    printf("vemu-img version %s\n", vemu_version());
}

void print_help(void)
{
    print_version();
    puts("usage: vemu-img [standard options] command [command options]\n"
         "Disk image utility with the command lines of qemu-img\n"
         "\n"
         "    '-h', '--help'       display this help and exit\n"
         "    '-V', '--version'    output version information and exit\n"
         "\n"
         "Command syntax:");
    for (const struct command *command = commands; command->name; command++)
        printf("  %s %s\n", command->name, command->words);
    puts("\n"
         "Command parameters:\n"
         "  'filename' is a disk image: a path, nbd://..., json:{...}, or with --image-opts\n"
         "    driver=qcow2,file.filename=path and the like\n"
         "  'fmt' is the disk image format; it is found by content in most cases\n"
         "  'cache' is the cache mode of the output: 'none', 'writeback' (default, except for\n"
         "    convert), 'writethrough', 'directsync' and 'unsafe' (default for convert);\n"
         "    'src_cache' is the same for the input\n"
         "  'size' is in bytes; suffixes k, M, G, T, P and E are powers of 1024\n"
         "  'options' is a comma separated list of format specific options in a name=value\n"
         "    format; -o help lists them\n"
         "  'snapshot_param' is 'snapshot.id=[ID],snapshot.name=[NAME]', or '[ID_OR_NAME]'\n"
         "  -c stores the output compressed; -p shows progress; -q prints nothing but errors\n"
         "  -u takes the backing file as it is: not opened, not compared\n"
         "  -U opens an image that is in use by another program\n"
         "  -S is the length of zeros that become a hole (4k); 0: all is written\n"
         "  -m is how many threads copy, -W lets them write in any order, -n keeps the target\n"
         "  --output is human or json\n"
         "vemu-img(1) has the rest.\n");
    print_formats();
}
