/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of the command line: devices and what is behind them.
 */
#include <string.h>

#include "help.h"
#include "keyval.h"
#include "option-table.h"
#include "report.h"
#include "text.h"

bool options_add_drive(struct options *o, const char *place, const char *file)
{
    struct text text = { 0 };
    text_add(&text, place);
    text_add_item(&text, "file", file);
    if (!text_fits(&text, "drive"))
        return false;
    option_list_add(&o->drives, options_keep(o, text.bytes));
    return true;
}

static bool opt_hda(struct options *o, const char *value)
{
    return options_add_drive(o, "index=0,media=disk", value);
}

static bool opt_hdb(struct options *o, const char *value)
{
    return options_add_drive(o, "index=1,media=disk", value);
}

static bool opt_hdc(struct options *o, const char *value)
{
    return options_add_drive(o, "index=2,media=disk", value);
}

static bool opt_hdd(struct options *o, const char *value)
{
    return options_add_drive(o, "index=3,media=disk", value);
}

static bool opt_cdrom(struct options *o, const char *value)
{
    return options_add_drive(o, "index=2,media=cdrom", value);
}

static bool opt_monitor(struct options *o, const char *value)
{
    if (!strcmp(value, "none") || !strcmp(value, "null"))
        return true;
    report("-monitor %s: there is no human monitor; use -qmp", value);
    return false;
}

static bool opt_display(struct options *o, const char *value)
{
    if (!strcmp(value, "none"))
        return true;
    report("-display %s: only 'none' is supported (QMP's screendump takes pictures)", value);
    return false;
}

/* Displays are devices here. */
static bool opt_vga(struct options *o, const char *value)
{
    if (!strcmp(value, "none"))
        return true;
    report("-vga %s: there is no VGA adapter; displays are -device bochs-display and -device ramfb",
           value);
    return false;
}

static const struct option table[] = {
    { "device", "CLASS[,PROPERTY=VALUE...]", "add a device ('help' lists)", LIST(devices),
      .answer = help_devices },
    { "chardev", "BACKEND,id=ID[,PROPERTY=VALUE...]", "add a character back-end ('help' lists)",
      LIST(chardevs), .answer = help_chardevs },
    { "drive",
      "file=FILE[,if=ide|virtio|pflash|none][,media=disk|cdrom][,index=N][,format=FORMAT]"
      "[,readonly=on][,cache=MODE][,snapshot=on][,throttling.LIMIT=N][,werror=HOW][,id=ID]...",
      "add a disk (if=none: only its image)", LIST(drives) },
    { "hda", "FILE", "the same as -drive file=FILE,media=disk,index=0, and as FILE alone",
      CALL(opt_hda) },
    { "hdb", "FILE", "the same with index=1", CALL(opt_hdb) },
    { "hdc", "FILE", "the same with index=2", CALL(opt_hdc) },
    { "hdd", "FILE", "the same with index=3", CALL(opt_hdd) },
    { "cdrom", "FILE", "the same as -drive file=FILE,media=cdrom,index=2", CALL(opt_cdrom) },
    { "blockdev", "DRIVER,node-name=ID[,PROPERTY=VALUE...]",
      "open an image as a block node ('help' lists)", LIST(blockdevs), .answer = help_blockdevs },
    { "add-fd", "fd=N,set=N[,opaque=TEXT]",
      "let a descriptor stand for a file, which is /dev/fdset/N where one is named", LIST(fds) },
    { "netdev", "CLASS,id=ID[,PROPERTY=VALUE...]",
      "make a network for a device's netdev=ID ('help' lists)", LIST(netdevs),
      .answer = help_netdevs },
    { "nic", "[CLASS][,mac=MAC][,model=virtio-net][,PROPERTY=VALUE...]",
      "add a network card and its network (user unless named; none: no card, not even q35's own)",
      LIST(nics), .answer = help_netdevs },
    { "fsdev", "local,id=ID,path=DIR,security_model=MODEL[,PROPERTY=VALUE...]",
      "share a directory with a device's fsdev=ID ('help' lists)", LIST(fsdevs),
      .answer = help_fsdevs },
    { "virtfs", "local,path=DIR,mount_tag=TAG,security_model=MODEL[,readonly=on][,id=ID]",
      "the same with its virtio-9p device", LIST(virtfs), .answer = help_fsdevs },
    { "serial", "stdio|pty|null|file:F|unix:S[,server=on][,wait=off]|chardev:ID|none",
      "connect the next serial port", LIST(serials) },
    { "qmp", "stdio|unix:S[,server=on][,wait=off][,clients=N]|chardev:ID", "offer a QMP monitor",
      LIST(qmps) },
    { "monitor", "none", "human monitor (there is none)", CALL(opt_monitor) },
    { "display", "none", "show nothing (QMP's screendump takes pictures)", CALL(opt_display) },
    { "vga", "none", "VGA adapter (there is none; see -device bochs-display, ramfb)",
      CALL(opt_vga) },
    { "nographic", NULL, "first serial port on the terminal (Ctrl-A h for help)", FLAG(nographic) },
    { "nodefaults", NULL, "no serial port and no network unless asked for", FLAG(nodefaults) },
    { 0 },
};

const struct option_group options_of_devices = { "Devices and back-ends", table };
