/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers and names of keys, by the sets that clients may use.
 *
 * Sources: linux/input-event-codes.h; "Keyboard Scan Code Specification" 1.3a (scan-code sets 1 and
 * 2 of a PC's keyboard, 0xe0xx for those behind a prefix, and usages of HID page 7); the codes of
 * virtual keys of Windows.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "../driver/display.h"

/* 0, NULL: the set has no such key. */
static const struct {
    uint16_t code;
    const char *name;
    uint16_t set1, set2, usb, win32;
    const char *win32_name;
} keys[] = {
    { KEY_ESC, "KEY_ESC", 0x01, 0x76, 0x29, 0x1b, "VK_ESCAPE" },
    { KEY_1, "KEY_1", 0x02, 0x16, 0x1e, 0x31, "VK_1" },
    { KEY_2, "KEY_2", 0x03, 0x1e, 0x1f, 0x32, "VK_2" },
    { KEY_3, "KEY_3", 0x04, 0x26, 0x20, 0x33, "VK_3" },
    { KEY_4, "KEY_4", 0x05, 0x25, 0x21, 0x34, "VK_4" },
    { KEY_5, "KEY_5", 0x06, 0x2e, 0x22, 0x35, "VK_5" },
    { KEY_6, "KEY_6", 0x07, 0x36, 0x23, 0x36, "VK_6" },
    { KEY_7, "KEY_7", 0x08, 0x3d, 0x24, 0x37, "VK_7" },
    { KEY_8, "KEY_8", 0x09, 0x3e, 0x25, 0x38, "VK_8" },
    { KEY_9, "KEY_9", 0x0a, 0x46, 0x26, 0x39, "VK_9" },
    { KEY_0, "KEY_0", 0x0b, 0x45, 0x27, 0x30, "VK_0" },
    { KEY_MINUS, "KEY_MINUS", 0x0c, 0x4e, 0x2d, 0xbd, "VK_OEM_MINUS" },
    { KEY_EQUAL, "KEY_EQUAL", 0x0d, 0x55, 0x2e, 0xbb, "VK_OEM_PLUS" },
    { KEY_BACKSPACE, "KEY_BACKSPACE", 0x0e, 0x66, 0x2a, 0x08, "VK_BACK" },
    { KEY_TAB, "KEY_TAB", 0x0f, 0x0d, 0x2b, 0x09, "VK_TAB" },
    { KEY_Q, "KEY_Q", 0x10, 0x15, 0x14, 0x51, "VK_Q" },
    { KEY_W, "KEY_W", 0x11, 0x1d, 0x1a, 0x57, "VK_W" },
    { KEY_E, "KEY_E", 0x12, 0x24, 0x08, 0x45, "VK_E" },
    { KEY_R, "KEY_R", 0x13, 0x2d, 0x15, 0x52, "VK_R" },
    { KEY_T, "KEY_T", 0x14, 0x2c, 0x17, 0x54, "VK_T" },
    { KEY_Y, "KEY_Y", 0x15, 0x35, 0x1c, 0x59, "VK_Y" },
    { KEY_U, "KEY_U", 0x16, 0x3c, 0x18, 0x55, "VK_U" },
    { KEY_I, "KEY_I", 0x17, 0x43, 0x0c, 0x49, "VK_I" },
    { KEY_O, "KEY_O", 0x18, 0x44, 0x12, 0x4f, "VK_O" },
    { KEY_P, "KEY_P", 0x19, 0x4d, 0x13, 0x50, "VK_P" },
    { KEY_LEFTBRACE, "KEY_LEFTBRACE", 0x1a, 0x54, 0x2f, 0xdb, "VK_OEM_4" },
    { KEY_RIGHTBRACE, "KEY_RIGHTBRACE", 0x1b, 0x5b, 0x30, 0xdd, "VK_OEM_6" },
    { KEY_ENTER, "KEY_ENTER", 0x1c, 0x5a, 0x28, 0x0d, "VK_RETURN" },
    { KEY_LEFTCTRL, "KEY_LEFTCTRL", 0x1d, 0x14, 0xe0, 0x11, "VK_CONTROL" },
    { KEY_A, "KEY_A", 0x1e, 0x1c, 0x04, 0x41, "VK_A" },
    { KEY_S, "KEY_S", 0x1f, 0x1b, 0x16, 0x53, "VK_S" },
    { KEY_D, "KEY_D", 0x20, 0x23, 0x07, 0x44, "VK_D" },
    { KEY_F, "KEY_F", 0x21, 0x2b, 0x09, 0x46, "VK_F" },
    { KEY_G, "KEY_G", 0x22, 0x34, 0x0a, 0x47, "VK_G" },
    { KEY_H, "KEY_H", 0x23, 0x33, 0x0b, 0x48, "VK_H" },
    { KEY_J, "KEY_J", 0x24, 0x3b, 0x0d, 0x4a, "VK_J" },
    { KEY_K, "KEY_K", 0x25, 0x42, 0x0e, 0x4b, "VK_K" },
    { KEY_L, "KEY_L", 0x26, 0x4b, 0x0f, 0x4c, "VK_L" },
    { KEY_SEMICOLON, "KEY_SEMICOLON", 0x27, 0x4c, 0x33, 0xba, "VK_OEM_1" },
    { KEY_APOSTROPHE, "KEY_APOSTROPHE", 0x28, 0x52, 0x34, 0xde, "VK_OEM_7" },
    { KEY_GRAVE, "KEY_GRAVE", 0x29, 0x0e, 0x35, 0xc0, "VK_OEM_3" },
    { KEY_LEFTSHIFT, "KEY_LEFTSHIFT", 0x2a, 0x12, 0xe1, 0xa0, "VK_LSHIFT" },
    { KEY_BACKSLASH, "KEY_BACKSLASH", 0x2b, 0x5d, 0x31, 0xdc, "VK_OEM_5" },
    { KEY_Z, "KEY_Z", 0x2c, 0x1a, 0x1d, 0x5a, "VK_Z" },
    { KEY_X, "KEY_X", 0x2d, 0x22, 0x1b, 0x58, "VK_X" },
    { KEY_C, "KEY_C", 0x2e, 0x21, 0x06, 0x43, "VK_C" },
    { KEY_V, "KEY_V", 0x2f, 0x2a, 0x19, 0x56, "VK_V" },
    { KEY_B, "KEY_B", 0x30, 0x32, 0x05, 0x42, "VK_B" },
    { KEY_N, "KEY_N", 0x31, 0x31, 0x11, 0x4e, "VK_N" },
    { KEY_M, "KEY_M", 0x32, 0x3a, 0x10, 0x4d, "VK_M" },
    { KEY_COMMA, "KEY_COMMA", 0x33, 0x41, 0x36, 0xbc, "VK_OEM_COMMA" },
    { KEY_DOT, "KEY_DOT", 0x34, 0x49, 0x37, 0xbe, "VK_OEM_PERIOD" },
    { KEY_SLASH, "KEY_SLASH", 0x35, 0x4a, 0x38, 0xbf, "VK_OEM_2" },
    { KEY_RIGHTSHIFT, "KEY_RIGHTSHIFT", 0x36, 0x59, 0xe5, 0xa1, "VK_RSHIFT" },
    { KEY_KPASTERISK, "KEY_KPASTERISK", 0x37, 0x7c, 0x55, 0x6a, "VK_MULTIPLY" },
    { KEY_LEFTALT, "KEY_LEFTALT", 0x38, 0x11, 0xe2, 0x12, "VK_MENU" },
    { KEY_SPACE, "KEY_SPACE", 0x39, 0x29, 0x2c, 0x20, "VK_SPACE" },
    { KEY_CAPSLOCK, "KEY_CAPSLOCK", 0x3a, 0x58, 0x39, 0x14, "VK_CAPITAL" },
    { KEY_F1, "KEY_F1", 0x3b, 0x05, 0x3a, 0x70, "VK_F1" },
    { KEY_F2, "KEY_F2", 0x3c, 0x06, 0x3b, 0x71, "VK_F2" },
    { KEY_F3, "KEY_F3", 0x3d, 0x04, 0x3c, 0x72, "VK_F3" },
    { KEY_F4, "KEY_F4", 0x3e, 0x0c, 0x3d, 0x73, "VK_F4" },
    { KEY_F5, "KEY_F5", 0x3f, 0x03, 0x3e, 0x74, "VK_F5" },
    { KEY_F6, "KEY_F6", 0x40, 0x0b, 0x3f, 0x75, "VK_F6" },
    { KEY_F7, "KEY_F7", 0x41, 0x83, 0x40, 0x76, "VK_F7" },
    { KEY_F8, "KEY_F8", 0x42, 0x0a, 0x41, 0x77, "VK_F8" },
    { KEY_F9, "KEY_F9", 0x43, 0x01, 0x42, 0x78, "VK_F9" },
    { KEY_F10, "KEY_F10", 0x44, 0x09, 0x43, 0x79, "VK_F10" },
    { KEY_NUMLOCK, "KEY_NUMLOCK", 0x45, 0x77, 0x53, 0x90, "VK_NUMLOCK" },
    { KEY_SCROLLLOCK, "KEY_SCROLLLOCK", 0x46, 0x7e, 0x47, 0x91, "VK_SCROLL" },
    { KEY_KP7, "KEY_KP7", 0x47, 0x6c, 0x5f, 0x67, "VK_NUMPAD7" },
    { KEY_KP8, "KEY_KP8", 0x48, 0x75, 0x60, 0x68, "VK_NUMPAD8" },
    { KEY_KP9, "KEY_KP9", 0x49, 0x7d, 0x61, 0x69, "VK_NUMPAD9" },
    { KEY_KPMINUS, "KEY_KPMINUS", 0x4a, 0x7b, 0x56, 0x6d, "VK_SUBTRACT" },
    { KEY_KP4, "KEY_KP4", 0x4b, 0x6b, 0x5c, 0x64, "VK_NUMPAD4" },
    { KEY_KP5, "KEY_KP5", 0x4c, 0x73, 0x5d, 0x65, "VK_NUMPAD5" },
    { KEY_KP6, "KEY_KP6", 0x4d, 0x74, 0x5e, 0x66, "VK_NUMPAD6" },
    { KEY_KPPLUS, "KEY_KPPLUS", 0x4e, 0x79, 0x57, 0x6b, "VK_ADD" },
    { KEY_KP1, "KEY_KP1", 0x4f, 0x69, 0x59, 0x61, "VK_NUMPAD1" },
    { KEY_KP2, "KEY_KP2", 0x50, 0x72, 0x5a, 0x62, "VK_NUMPAD2" },
    { KEY_KP3, "KEY_KP3", 0x51, 0x7a, 0x5b, 0x63, "VK_NUMPAD3" },
    { KEY_KP0, "KEY_KP0", 0x52, 0x70, 0x62, 0x60, "VK_NUMPAD0" },
    { KEY_KPDOT, "KEY_KPDOT", 0x53, 0x71, 0x63, 0x6e, "VK_DECIMAL" },
    { KEY_102ND, "KEY_102ND", 0x56, 0x61, 0x64, 0xe2, "VK_OEM_102" },
    { KEY_F11, "KEY_F11", 0x57, 0x78, 0x44, 0x7a, "VK_F11" },
    { KEY_F12, "KEY_F12", 0x58, 0x07, 0x45, 0x7b, "VK_F12" },
    { KEY_KPEQUAL, "KEY_KPEQUAL", 0x59, 0x0f, 0x67, 0, NULL },
    { KEY_RO, "KEY_RO", 0x73, 0x51, 0x87, 0, NULL },
    { KEY_KATAKANAHIRAGANA, "KEY_KATAKANAHIRAGANA", 0x70, 0x13, 0x88, 0, NULL },
    { KEY_HENKAN, "KEY_HENKAN", 0x79, 0x64, 0x8a, 0, NULL },
    { KEY_MUHENKAN, "KEY_MUHENKAN", 0x7b, 0x67, 0x8b, 0, NULL },
    { KEY_YEN, "KEY_YEN", 0x7d, 0x6a, 0x89, 0, NULL },
    { KEY_KPCOMMA, "KEY_KPCOMMA", 0x7e, 0x6d, 0x85, 0, NULL },
    { KEY_KPENTER, "KEY_KPENTER", 0xe01c, 0xe05a, 0x58, 0, NULL },
    { KEY_RIGHTCTRL, "KEY_RIGHTCTRL", 0xe01d, 0xe014, 0xe4, 0xa3, "VK_RCONTROL" },
    { KEY_MUTE, "KEY_MUTE", 0xe020, 0xe023, 0x7f, 0xad, "VK_VOLUME_MUTE" },
    { KEY_VOLUMEDOWN, "KEY_VOLUMEDOWN", 0xe02e, 0xe021, 0x81, 0xae, "VK_VOLUME_DOWN" },
    { KEY_VOLUMEUP, "KEY_VOLUMEUP", 0xe030, 0xe032, 0x80, 0xaf, "VK_VOLUME_UP" },
    { KEY_KPSLASH, "KEY_KPSLASH", 0xe035, 0xe04a, 0x54, 0x6f, "VK_DIVIDE" },
    { KEY_SYSRQ, "KEY_SYSRQ", 0xe037, 0xe07c, 0x46, 0x2c, "VK_SNAPSHOT" },
    { KEY_RIGHTALT, "KEY_RIGHTALT", 0xe038, 0xe011, 0xe6, 0xa5, "VK_RMENU" },
    { KEY_PAUSE, "KEY_PAUSE", 0xe046, 0xe07e, 0x48, 0x13, "VK_PAUSE" },
    { KEY_HOME, "KEY_HOME", 0xe047, 0xe06c, 0x4a, 0x24, "VK_HOME" },
    { KEY_UP, "KEY_UP", 0xe048, 0xe075, 0x52, 0x26, "VK_UP" },
    { KEY_PAGEUP, "KEY_PAGEUP", 0xe049, 0xe07d, 0x4b, 0x21, "VK_PRIOR" },
    { KEY_LEFT, "KEY_LEFT", 0xe04b, 0xe06b, 0x50, 0x25, "VK_LEFT" },
    { KEY_RIGHT, "KEY_RIGHT", 0xe04d, 0xe074, 0x4f, 0x27, "VK_RIGHT" },
    { KEY_END, "KEY_END", 0xe04f, 0xe069, 0x4d, 0x23, "VK_END" },
    { KEY_DOWN, "KEY_DOWN", 0xe050, 0xe072, 0x51, 0x28, "VK_DOWN" },
    { KEY_PAGEDOWN, "KEY_PAGEDOWN", 0xe051, 0xe07a, 0x4e, 0x22, "VK_NEXT" },
    { KEY_INSERT, "KEY_INSERT", 0xe052, 0xe070, 0x49, 0x2d, "VK_INSERT" },
    { KEY_DELETE, "KEY_DELETE", 0xe053, 0xe071, 0x4c, 0x2e, "VK_DELETE" },
    { KEY_LEFTMETA, "KEY_LEFTMETA", 0xe05b, 0xe01f, 0xe3, 0x5b, "VK_LWIN" },
    { KEY_RIGHTMETA, "KEY_RIGHTMETA", 0xe05c, 0xe027, 0xe7, 0x5c, "VK_RWIN" },
    { KEY_COMPOSE, "KEY_COMPOSE", 0xe05d, 0xe02f, 0x65, 0x5d, "VK_APPS" },
    { KEY_POWER, "KEY_POWER", 0xe05e, 0xe037, 0x66, 0, NULL },
    { KEY_SLEEP, "KEY_SLEEP", 0xe05f, 0xe03f, 0, 0x5f, "VK_SLEEP" },
    { KEY_WAKEUP, "KEY_WAKEUP", 0xe063, 0xe05e, 0, 0, NULL },
};

static const char *const sets[VMGR_KEYCODE_SETS] = {
    [VMGR_KEYCODE_LINUX] = "linux",   [VMGR_KEYCODE_XT] = "xt",
    [VMGR_KEYCODE_ATSET1] = "atset1", [VMGR_KEYCODE_ATSET2] = "atset2",
    [VMGR_KEYCODE_ATSET3] = "atset3", [VMGR_KEYCODE_OSX] = "os_x",
    [VMGR_KEYCODE_XT_KBD] = "xt_kbd", [VMGR_KEYCODE_USB] = "usb",
    [VMGR_KEYCODE_WIN32] = "win32",   [VMGR_KEYCODE_QNUM] = "qnum",
};

const char *vmgr_keycode_set_name(int codeset)
{
    return codeset >= 0 && codeset < VMGR_KEYCODE_SETS ? sets[codeset] : NULL;
}

/* A prefix as bit 7. */
static uint32_t short_code(uint16_t set1)
{
    return set1 & 0xff00 ? 0x80u | (set1 & 0x7fu) : set1;
}

/* The key's code in a set; 0: none, -1: the set is not known. */
static int code_in(uint32_t codeset, size_t i)
{
    switch (codeset) {
    case VMGR_KEYCODE_LINUX: return keys[i].code;
    case VMGR_KEYCODE_XT:
    case VMGR_KEYCODE_ATSET1: return keys[i].set1;
    case VMGR_KEYCODE_ATSET2: return keys[i].set2;
    case VMGR_KEYCODE_USB: return keys[i].usb;
    case VMGR_KEYCODE_WIN32: return keys[i].win32;
    case VMGR_KEYCODE_QNUM: return (int)short_code(keys[i].set1);
    default: return -1;
    }
}

int vmgr__keycode_to_linux(uint32_t codeset, uint32_t code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const int known = code_in(codeset, i);

        if (known < 0)
            return -2;
        if (known && (uint32_t)known == code)
            return keys[i].code;
    }
    return -1;
}

int vmgr__keycode_to_qnum(uint32_t code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].code == code)
            return (int)short_code(keys[i].set1);
    }
    return -1;
}

int vmgr_keycode_find(int codeset, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (codeset == VMGR_KEYCODE_LINUX && strcmp(keys[i].name, name) == 0)
            return keys[i].code;
        if (codeset == VMGR_KEYCODE_WIN32 && keys[i].win32_name &&
            strcmp(keys[i].win32_name, name) == 0)
            return keys[i].win32;
    }
    return -1;
}
