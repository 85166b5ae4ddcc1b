/**
 * What the text listener shows of itself: its banner, its help, and how it writes the time.
 */
import { localClock, localDay } from "../../base/local_time.ts";

/** The first thing a person sees. */
export const TEXT_BANNER = `Welcome to Parley!
      .-----------------.
      |  o   o   o      |
      '---.    .--------'
           \\  /
            \\/
`;

/** What the classic chat exercise begins with, to the character. */
export const CLASSIC_BANNER = String.raw`Welcome to TCP-Chat!
         _nnnn_
        dGGGGMMb
       @p~qp~~qMb
       M|@||@) M|
       @,----.JM|
      JS^\__/  qKL
     dZP        qKRb
    dZP          qKKb
   fZP            SMMb
   HZM            MMMM
   FqM            MMMM
 __| ".        |\dS"qML
 |    ${"`"}.       | ${"`"}' \Zq
_)      \.___.,|     .'
\____   )MMMMMP|   .'
     ${"`"}-'       ${"`"}--'
`;

/** What a person is asked first. */
export const NAME_PROMPT = "[ENTER YOUR NAME]: ";
/** What a person is asked then, where the name is that of a user or everybody has to be one. */
export const PASSWORD_PROMPT = "[ENTER YOUR PASSWORD]: ";

/** The commands. */
export const TEXT_HELP = `/help              shows this
/name, /nick NAME  changes your name
/me TEXT           says what you do
/rooms, /list      lists the rooms
/join, /j ROOM     goes into another room
/leave, /part      leaves the room
/who, /names       tells who is in the room
/topic [TEXT]      tells the topic line, or sets it; - takes it away
/msg NAME TEXT     says something to one person
/history [COUNT]   shows what was said last
/quit              leaves
//text             says "/text"`;

/** A time as it stands in front of a message: local time, `2026-01-20 15:48:41`. */
export function clockText(wallMs: number): string {
  const time = new Date(wallMs);
  return `${localDay(time)} ${localClock(time)}`;
}
