/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys: their names in QMP, their codes in evdev and in scan-code set 1.
 */
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "input/input.h"

/* By name. Where two names mean one key, the first in the table is what its code stands for. */
const struct vemu_key vemu__keys[] = {
    { "0", KEY_0, 0x0b },
    { "1", KEY_1, 0x02 },
    { "2", KEY_2, 0x03 },
    { "3", KEY_3, 0x04 },
    { "4", KEY_4, 0x05 },
    { "5", KEY_5, 0x06 },
    { "6", KEY_6, 0x07 },
    { "7", KEY_7, 0x08 },
    { "8", KEY_8, 0x09 },
    { "9", KEY_9, 0x0a },
    { "a", KEY_A, 0x1e },
    { "ac_back", KEY_BACK, 0xe06a },
    { "ac_bookmarks", KEY_BOOKMARKS, 0xe066 },
    { "ac_forward", KEY_FORWARD, 0xe069 },
    { "ac_home", KEY_HOMEPAGE, 0xe032 },
    { "ac_refresh", KEY_REFRESH, 0xe067 },
    { "again", KEY_AGAIN, 0xe005 },
    { "alt", KEY_LEFTALT, 0x38 },
    { "alt_r", KEY_RIGHTALT, 0xe038 },
    { "apostrophe", KEY_APOSTROPHE, 0x28 },
    { "asterisk", KEY_KPASTERISK, 0x37 },
    { "audiomute", KEY_MUTE, 0xe020 },
    { "audionext", KEY_NEXTSONG, 0xe019 },
    { "audioplay", KEY_PLAYPAUSE, 0xe022 },
    { "audioprev", KEY_PREVIOUSSONG, 0xe010 },
    { "audiostop", KEY_STOPCD, 0xe024 },
    { "b", KEY_B, 0x30 },
    { "backslash", KEY_BACKSLASH, 0x2b },
    { "backspace", KEY_BACKSPACE, 0x0e },
    { "bracket_left", KEY_LEFTBRACE, 0x1a },
    { "bracket_right", KEY_RIGHTBRACE, 0x1b },
    { "c", KEY_C, 0x2e },
    { "calculator", KEY_CALC, 0xe021 },
    { "caps_lock", KEY_CAPSLOCK, 0x3a },
    { "comma", KEY_COMMA, 0x33 },
    { "compose", KEY_COMPOSE, 0xe05d },
    { "computer", KEY_COMPUTER, 0xe06b },
    { "copy", KEY_COPY, 0xe078 },
    { "ctrl", KEY_LEFTCTRL, 0x1d },
    { "ctrl_r", KEY_RIGHTCTRL, 0xe01d },
    { "cut", KEY_CUT, 0xe03c },
    { "d", KEY_D, 0x20 },
    { "delete", KEY_DELETE, 0xe053 },
    { "dot", KEY_DOT, 0x34 },
    { "down", KEY_DOWN, 0xe050 },
    { "e", KEY_E, 0x12 },
    { "end", KEY_END, 0xe04f },
    { "equal", KEY_EQUAL, 0x0d },
    { "esc", KEY_ESC, 0x01 },
    { "f", KEY_F, 0x21 },
    { "f1", KEY_F1, 0x3b },
    { "f10", KEY_F10, 0x44 },
    { "f11", KEY_F11, 0x57 },
    { "f12", KEY_F12, 0x58 },
    { "f2", KEY_F2, 0x3c },
    { "f3", KEY_F3, 0x3d },
    { "f4", KEY_F4, 0x3e },
    { "f5", KEY_F5, 0x3f },
    { "f6", KEY_F6, 0x40 },
    { "f7", KEY_F7, 0x41 },
    { "f8", KEY_F8, 0x42 },
    { "f9", KEY_F9, 0x43 },
    { "find", KEY_FIND, 0xe041 },
    { "front", KEY_FRONT, 0xe00c },
    { "g", KEY_G, 0x22 },
    { "grave_accent", KEY_GRAVE, 0x29 },
    { "h", KEY_H, 0x23 },
    { "help", KEY_HELP, 0xe075 },
    { "henkan", KEY_HENKAN, 0x79 },
    { "hiragana", KEY_KATAKANAHIRAGANA, 0x70 },
    { "home", KEY_HOME, 0xe047 },
    { "i", KEY_I, 0x17 },
    { "insert", KEY_INSERT, 0xe052 },
    { "j", KEY_J, 0x24 },
    { "k", KEY_K, 0x25 },
    { "katakanahiragana", KEY_KATAKANAHIRAGANA, 0x70 },
    { "kp_0", KEY_KP0, 0x52 },
    { "kp_1", KEY_KP1, 0x4f },
    { "kp_2", KEY_KP2, 0x50 },
    { "kp_3", KEY_KP3, 0x51 },
    { "kp_4", KEY_KP4, 0x4b },
    { "kp_5", KEY_KP5, 0x4c },
    { "kp_6", KEY_KP6, 0x4d },
    { "kp_7", KEY_KP7, 0x47 },
    { "kp_8", KEY_KP8, 0x48 },
    { "kp_9", KEY_KP9, 0x49 },
    { "kp_add", KEY_KPPLUS, 0x4e },
    { "kp_comma", KEY_KPCOMMA, 0x7e },
    { "kp_decimal", KEY_KPDOT, 0x53 },
    { "kp_divide", KEY_KPSLASH, 0xe035 },
    { "kp_enter", KEY_KPENTER, 0xe01c },
    { "kp_equals", KEY_KPEQUAL, 0x59 },
    { "kp_multiply", KEY_KPASTERISK, 0x37 },
    { "kp_subtract", KEY_KPMINUS, 0x4a },
    { "l", KEY_L, 0x26 },
    { "lang1", KEY_HANGEUL, 0x72 },
    { "lang2", KEY_HANJA, 0x71 },
    { "left", KEY_LEFT, 0xe04b },
    { "less", KEY_102ND, 0x56 },
    { "m", KEY_M, 0x32 },
    { "mail", KEY_MAIL, 0xe06c },
    { "mediaselect", KEY_MEDIA, 0xe06d },
    { "menu", KEY_COMPOSE, 0xe05d },
    { "meta_l", KEY_LEFTMETA, 0xe05b },
    { "meta_r", KEY_RIGHTMETA, 0xe05c },
    { "minus", KEY_MINUS, 0x0c },
    { "muhenkan", KEY_MUHENKAN, 0x7b },
    { "n", KEY_N, 0x31 },
    { "num_lock", KEY_NUMLOCK, 0x45 },
    { "o", KEY_O, 0x18 },
    { "open", KEY_OPEN, 0x64 },
    { "p", KEY_P, 0x19 },
    { "paste", KEY_PASTE, 0x65 },
    { "pause", KEY_PAUSE, 0xe046 },
    { "pgdn", KEY_PAGEDOWN, 0xe051 },
    { "pgup", KEY_PAGEUP, 0xe049 },
    { "power", KEY_POWER, 0xe05e },
    { "print", KEY_SYSRQ, 0xe037 },
    { "props", KEY_PROPS, 0xe006 },
    { "q", KEY_Q, 0x10 },
    { "r", KEY_R, 0x13 },
    { "ret", KEY_ENTER, 0x1c },
    { "right", KEY_RIGHT, 0xe04d },
    { "ro", KEY_RO, 0x73 },
    { "s", KEY_S, 0x1f },
    { "scroll_lock", KEY_SCROLLLOCK, 0x46 },
    { "semicolon", KEY_SEMICOLON, 0x27 },
    { "shift", KEY_LEFTSHIFT, 0x2a },
    { "shift_r", KEY_RIGHTSHIFT, 0x36 },
    { "slash", KEY_SLASH, 0x35 },
    { "sleep", KEY_SLEEP, 0xe05f },
    { "spc", KEY_SPACE, 0x39 },
    { "stop", KEY_STOP, 0xe068 },
    { "sysrq", KEY_SYSRQ, 0xe037 },
    { "t", KEY_T, 0x14 },
    { "tab", KEY_TAB, 0x0f },
    { "u", KEY_U, 0x16 },
    { "undo", KEY_UNDO, 0xe007 },
    { "up", KEY_UP, 0xe048 },
    { "v", KEY_V, 0x2f },
    { "volumedown", KEY_VOLUMEDOWN, 0xe02e },
    { "volumeup", KEY_VOLUMEUP, 0xe030 },
    { "w", KEY_W, 0x11 },
    { "wake", KEY_WAKEUP, 0xe063 },
    { "x", KEY_X, 0x2d },
    { "y", KEY_Y, 0x15 },
    { "yen", KEY_YEN, 0x7d },
    { "z", KEY_Z, 0x2c },
};
const size_t vemu__key_count = G_N_ELEMENTS(vemu__keys);

static int compare(const void *name, const void *key)
{
    return strcmp(name, ((const struct vemu_key *)key)->name);
}

const struct vemu_key *vemu__key_find(const char *name)
{
    return bsearch(name, vemu__keys, vemu__key_count, sizeof(vemu__keys[0]), compare);
}

const struct vemu_key *vemu__key_by_code(uint32_t code)
{
    for (size_t i = 0; i < vemu__key_count; i++)
        if (vemu__keys[i].code == code)
            return &vemu__keys[i];
    return NULL;
}

const struct vemu_key *vemu__key_by_number(uint32_t number)
{
    uint32_t set1 = number & 0x80 ? 0xe000 | (number & 0x7f) : number;

    for (size_t i = 0; number < 0x100 && i < vemu__key_count; i++)
        if (vemu__keys[i].set1 == set1)
            return &vemu__keys[i];
    return NULL;
}
