#!/bin/sh
# Runs the charging station: chooses which of the three trees of software runs (slots.py), starts it, and does what its
# exit code asks for (docs/operations.md, Exit statuses). Under systemd (Type=notify, NotifyAccess=all) or without.
#
# Everything can be named by the environment:
#   CHARGEPOINT_FACTORY, CHARGEPOINT_SLOTS, CHARGEPOINT_KEYS, CHARGEPOINT_CONFIG, CHARGEPOINT_DATA, CHARGEPOINT_LOGS
#   CHARGEPOINT_ARGS        more arguments of `chargepoint run`, with blanks between them
#   CHARGEPOINT_REALLY      0: privileged deeds are only written down
#   CHARGEPOINT_GIVE_UP_S   a version on trial that is not kept after so many seconds is given up
#   CHARGEPOINT_FIRMWARE_S  so long `chargepoint firmware` may take
#   CHARGEPOINT_DELAY_S     the first wait after a bad end; doubled each time up to CHARGEPOINT_DELAY_MAX_S
#   CHARGEPOINT_REBOOT, CHARGEPOINT_POWER_OFF      commands, with blanks between their words
#   CHARGEPOINT_PYTHON, CHARGEPOINT_SLOTS_PY       what runs slots.py, and where it is
set -u

factory=${CHARGEPOINT_FACTORY:-/opt/chargepoint/app}
slots=${CHARGEPOINT_SLOTS:-/var/lib/chargepoint-slots}
keys=${CHARGEPOINT_KEYS:-/etc/chargepoint}
config=${CHARGEPOINT_CONFIG:-$keys/station.toml}
data=${CHARGEPOINT_DATA:-/var/lib/chargepoint}
logs=${CHARGEPOINT_LOGS-/var/log/chargepoint}
give_up_s=${CHARGEPOINT_GIVE_UP_S:-540}
first_delay_s=${CHARGEPOINT_DELAY_S:-1}
longest_delay_s=${CHARGEPOINT_DELAY_MAX_S:-300}
reboot=${CHARGEPOINT_REBOOT:-systemctl reboot}
power_off=${CHARGEPOINT_POWER_OFF:-systemctl poweroff}
python=${CHARGEPOINT_PYTHON:-/usr/bin/python3}
slots_py=${CHARGEPOINT_SLOTS_PY:-$(dirname "$0")/slots.py}

quick_s=10      # an end sooner than this is followed by a wait, whatever it was
good_s=3600     # after a run of this length waits begin anew
firmware_s=${CHARGEPOINT_FIRMWARE_S:-7200}   # so long the firmware of all controllers may take
parting_s=120   # so long the machine has for going down

child=''        # what is waited for
ends=TERM       # what ends it
interrupted=0   # a signal has ended `wait`
stopping=0      # somebody wants the end of all this
given_up=0      # the trial was not kept in time
hung=0          # systemd's watchdog has lost patience
delay_s=0

say() { echo "start.sh: $*" >&2; }

deed() { "$python" -IS "$slots_py" --slots "$slots" --factory "$factory" "$@"; }

# What is started by it gets TERM when start.sh ends before it, killed.
bound='setpriv --pdeathsig TERM'
$bound true 2> /dev/null || bound=   # none there, or one of busybox, which knows less

# The same in the place of a shell: what is started with & is then the program itself.
# shellcheck disable=SC2086 # these are several words
beside() { exec $bound "$python" -IS "$slots_py" --slots "$slots" --factory "$factory" "$@"; }

# End it. KILL, as TERM is lost on a shell that was forked just now and has the traps of this one still: the alarm would
# be waited for to its end when the station ends at once.
dismiss() {
    kill -s KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

now_s() { read -r uptime _ < /proc/uptime; echo "${uptime%%.*}"; }

pass_on() { if [ -n "$child" ]; then kill -s "$1" "$child" 2>/dev/null; fi; }

# The station gets TERM for any of them: a shell starts what runs beside it with INT ignored.
trap 'stopping=1 interrupted=1; pass_on "$ends"' TERM INT HUP
trap 'given_up=1 interrupted=1; pass_on TERM' USR1
trap 'hung=1 interrupted=1; pass_on KILL' ABRT

# Wait for the child to its end, through signals; its exit status is in $code. What came before `child` was set is passed
# on here.
await() {
    if [ "$stopping" = 1 ]; then pass_on "$ends"; fi
    interrupted=0
    wait "$child"
    code=$?
    while [ "$interrupted" = 1 ]; do
        interrupted=0
        wait "$child"
        status=$?
        if [ "$status" != 127 ]; then code=$status; fi
    done
    child=''
}

# Sleep, heard by the watchdog, ended by a signal; by KILL, see `dismiss`.
pause() {
    if [ "$1" -gt 0 ]; then
        ends=KILL
        beside pause "$1" &
        child=$!
        await
        ends=TERM
    fi
}

# Run `python -m chargepoint WORDS...` of the tree. systemd is told by it, so it must know its own number as the one that
# the watchdog is about. When start.sh is killed the station gets TERM: it would else go on without anybody who acts on
# its exit code, and hold its data. One whose start.sh was gone before that was asked for does not begin.
begin() {
    # shellcheck disable=SC2086,SC2016 # several words; what is expanded by the shell in between
    CHARGEPOINT_TREE=$tree $bound sh -c '
        if [ "$PPID" != "$1" ]; then exit 1; fi
        if [ -n "${WATCHDOG_PID:-}" ]; then WATCHDOG_PID=$$; export WATCHDOG_PID; fi
        shift
        exec "$@"' chargepoint "$$" "$tree/bin/python" -IB -m chargepoint "$@" &
    child=$!
}

# Reboot or power off; the words are a command. Where it cannot be done the station goes on.
leave() {
    say "$1"
    if $2; then pause "$parting_s"; else say "that cannot be done here; the station goes on"; fi
}

set_delay() {
    if [ "$delay_s" = 0 ]; then delay_s=$first_delay_s; else delay_s=$((delay_s * 2)); fi
    if [ "$delay_s" -gt "$longest_delay_s" ]; then delay_s=$longest_delay_s; fi
}

while [ "$stopping$hung" = 00 ]; do
    tree=$(deed start) || tree=
    if [ -z "$tree" ]; then tree=$factory; fi
    say "starting $tree"

    set -- run --config "$config" --data "$data" --slots "$slots" --factory "$factory" --keys "$keys"
    if [ -n "$logs" ]; then set -- "$@" --logs "$logs"; fi
    if [ "${CHARGEPOINT_REALLY:-1}" = 1 ]; then set -- "$@" --really; fi
    given_up=0
    began_s=$(now_s)
    if [ "$stopping" = 1 ]; then   # while the tree was chosen
        deed ended 0 0 > /dev/null
        break
    fi
    # shellcheck disable=SC2086 # these are several words
    begin "$@" ${CHARGEPOINT_ARGS:-}
    beside alarm "$give_up_s" "$$" "$child" "$tree" &
    alarm=$!
    await
    dismiss "$alarm"
    lasted_s=$(($(now_s) - began_s))
    say "ended after $lasted_s s, exit code $code"

    how=$code
    if [ "$stopping" = 1 ]; then how=0; fi
    if [ "$given_up" = 1 ]; then how=give-up; fi
    if [ "$hung" = 1 ]; then how=watchdog; fi
    returned=$(deed ended "$how" "$lasted_s") || returned=
    if [ "$hung" = 1 ]; then exit 1; fi
    if [ "$stopping" = 1 ]; then exit 0; fi

    if [ "$lasted_s" -ge "$good_s" ]; then delay_s=0; fi
    if [ -n "$returned" ]; then
        say "going back: $returned"
        delay_s=0
        continue
    fi
    case $how in
        0) exit 0 ;;
        10 | 12)
            if said=$(deed switch); then
                say "switched: $said"
                delay_s=0
                continue
            fi
            ;;
        11)
            begin firmware --config "$config" --data "$data" --slots "$slots"
            beside pause "$firmware_s" --end "$child" &
            feeder=$!
            await
            dismiss "$feeder"
            say "controller firmware: exit code $code"
            if [ "$hung" = 1 ]; then code=watchdog; fi
            case "$stopping $code" in
                '0 watchdog' | '0 143' | '0 137') deed ended "$code" || true ;;   # it hung: enough of a trial
            esac
            ;;
        20) leave "the machine reboots" "$reboot" ;;
        21) leave "the machine is switched off" "$power_off" ;;
    esac
    case $how in
        10 | 11 | 12 | 20 | 21 | 30) if [ "$lasted_s" -ge "$quick_s" ]; then continue; fi ;;
    esac
    set_delay
    say "starting again in $delay_s s"
    pause "$delay_s"
done
exit "$hung"
