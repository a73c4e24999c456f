"""bide-gdb.py: the tasks of a program that uses bide, told by gdb.

    bide tasks          a line for each task
    bide bt 3           the backtrace of task 3
    bide bt worker      ... of the first that goes by this name
    bide bt             ... of all
    bide bt 3 full      with local variables, as `backtrace full`

A live process and a core file are read alike, and nothing in them is called or
changed.  How the library's structs lie is had from its debug information (-g,
which is its default).  A run is found through its thread: `bi_here` is
thread-local.  Where two runs have a task 3, the selected thread's is meant.

A task that does not run is walked by an unwinder that has gdb believe that the
thread's innermost frame was called out of bi_switch(), on the task's stack, at
the place where contexts are suspended (bi_switch_parked, src/arch/asm.h).  The
rest is in the call frame information of that place, so no save area is known
here.  A switch by ucontext has no such place, and its tasks are only listed.  A
thread that has stopped inside a switch shows the task that leaves as the one
that comes.

Rejected: setting $sp and $pc to those of the task, which a core file refuses,
and which leaves them so when something fails in between.
"""

import contextlib
import time
import types

import gdb
import gdb.unwinder

# What the stack pointer and the program counter are called.
REGISTERS = {'i386:x86-64': ('rsp', 'rip'), 'aarch64': ('sp', 'pc')}


# ---- What there is ----------------------------------------------------------

@contextlib.contextmanager
def selection_kept():
    thread, frame = gdb.selected_thread(), gdb.selected_frame()
    try:
        yield
    finally:
        thread.switch()
        frame.select()


def find_runs():
    """Pairs of a thread and its run; the selected thread comes first."""
    here, selected = gdb.lookup_global_symbol('bi_here'), gdb.selected_thread()
    if not here:
        raise gdb.GdbError('bide: no debug information of the library')
    if not selected:
        raise gdb.GdbError('bide: there is neither a process nor a core file')
    found = []
    with selection_kept():
        for thread in sorted(gdb.selected_inferior().threads(),
                             key=lambda t: (t.num != selected.num, t.num)):
            thread.switch()
            run = here.value()
            if run:
                found.append((thread, run.dereference()))
    if not found:
        raise gdb.GdbError('bide: no thread has a run')
    return found


def tasks_of(run):
    struct = gdb.lookup_type('struct bi_task')
    head, link = run['tasks'].address, run['tasks']['next']
    while link and link != head:
        block = int(link) - struct['all'].bitpos // 8
        task = gdb.Value(block).cast(struct.pointer())
        if not task['id']:
            raise gdb.GdbError('bide: this core file lacks the stacks: gdb '
                               'saves none with a kernel guard (it does with '
                               'BIDE_GUARD=mprotect), the kernel does')
        yield task
        link = link['next']


def name_of(task):
    return task['name'].string() or f"task-{int(task['id'])}"


def find_tasks(word):
    """(thread, run, task) of the one meant by `word`, or, '', of all."""
    for thread, run in find_runs():
        for task in tasks_of(run):
            if word in ('', str(task['id']), name_of(task)):
                yield thread, run, task
                if word:
                    return
    if word:
        raise gdb.GdbError(f"bide: there is no task '{word}'")


# ---- In words ---------------------------------------------------------------

def function_at(pc):
    block = gdb.block_for_pc(int(pc))
    while block and not block.function:
        block = block.superblock
    return block.function.print_name if block else f'{int(pc):#x}'


def spawned(task):
    """Where: in the call that returns to task->site; main has none."""
    if task['site'] == task['fn']:
        return 'by bide_run()'
    call = int(task['site']) - 1
    line = gdb.find_pc_line(call)
    at = f' at {line.symtab.filename}:{line.line}' if line.symtab else ''
    return f'in {function_at(call)}{at}'


def awaited(wait):
    """'read on descriptor 5', "mutex 0x4040c0 <lock> of 'main'", 'sleep'."""
    what, on, task = wait['what'].string(), wait['on'], wait['task'].type
    if wait['fd'] >= 0:
        return f"{what} on descriptor {int(wait['fd'])}"
    if what == 'join':
        return f"join of '{name_of(on.cast(task))}'"
    text = what + (' ' + on.format_string(symbols=True) if on else '')
    if what == 'mutex':
        mutex = gdb.lookup_type('struct bide_mutex').pointer()
        owner = on.cast(mutex)['_owner'].cast(task)
        text += f" of '{name_of(owner)}'" if int(owner) > 1 else ''
    return text


def waited(run, task):
    """How long: in a core file, by the clock as the loop saw it last."""
    connection = getattr(gdb.selected_inferior(), 'connection', None)
    now, more = run['now'], ' or more'
    if run['virtual_now']:
        now, more = run['virtual_now'].dereference(), ''
    elif connection and connection.type == 'native':
        now, more = time.monotonic_ns(), ''
    span = max(0, int(now) - int(task['parked_at']))
    return f'for {span / 1e9:.3f} s{more}'


def state_of(run, task):
    if task['ended']:
        return f"ended with {int(task['result'])}"
    if run['current'] == task:
        state = 'runs'
    elif task['wait']:
        state = f"waits: {awaited(task['wait'])}, {waited(run, task)}"
    else:
        state = 'is ready'
    return f"{state}, in {function_at(task['fn'])}"


def line_of(run, task):
    return (f"  {int(task['id']):<5} {name_of(task):<15} "
            f'{state_of(run, task)}, spawned {spawned(task)}')


# ---- A task that does not run -----------------------------------------------

class Parked(gdb.unwinder.Unwinder):
    """While enabled, the innermost frame has the caller that it is given."""

    def __init__(self):
        super().__init__('bide')
        self.enabled = False

    def __call__(self, pending):
        sp, pc = (int(pending.read_register(name)) for name in self.names)
        if (sp, pc) != self.innermost:
            return None
        # Frames are told apart, and ordered, by where they lie.
        info = pending.create_unwind_info(types.SimpleNamespace(
            sp=gdb.Value(self.caller[0]), pc=gdb.Value(pc)))
        for name, value in zip(self.names, self.caller):
            info.add_saved_register(name, gdb.Value(value))
        return info

    @contextlib.contextmanager
    def calling(self, task):
        frame = gdb.newest_frame()
        try:
            self.names = REGISTERS[frame.architecture().name()]
            self.caller = int(task['coro']['sp']), int(gdb.parse_and_eval(
                '(long)&bi_switch + *(int *)&bi_switch_parked'))
        except (KeyError, gdb.error):
            raise gdb.GdbError('bide: tasks of this switch are only listed')
        self.innermost = tuple(int(frame.read_register(name))
                               for name in self.names)
        try:
            self.enabled = True
            gdb.invalidate_cached_frames()
            yield
        finally:
            self.enabled = False
            gdb.invalidate_cached_frames()


def print_parked(task, options):
    """All frames but the innermost, which is none of the task's."""
    with PARKED.calling(task):
        depth, frame = 0, gdb.newest_frame().older()
        while frame:
            depth, frame = depth + 1, frame.older()
        gdb.execute(f'backtrace {options} -{depth}')


# ---- The commands -----------------------------------------------------------

class Tasks(gdb.Command):
    """List the tasks: what each waits for, and where it was spawned."""

    def invoke(self, argument, from_tty):
        for thread, run in find_runs():
            print(f"Thread {thread.num}: {int(run['spawned'] - run['ends'])} "
                  f"alive, {int(run['spawned'])} spawned, "
                  f"{int(run['switches'])} switches")
            for task in tasks_of(run):
                print(line_of(run, task))


class Backtrace(gdb.Command):
    """Print the backtrace of a task: bide bt [NUMBER or NAME] [full]
Without an argument, those of all tasks."""

    def invoke(self, argument, from_tty):
        word, options = (argument.split(None, 1) + ['', ''])[:2]
        for thread, run, task in find_tasks(word):
            print(line_of(run, task).strip())
            with selection_kept():
                thread.switch()
                if run['current'] == task:
                    gdb.execute(f'backtrace {options}')
                elif not task['ended']:
                    print_parked(task, options)


PARKED = Parked()
gdb.unwinder.register_unwinder(None, PARKED, replace=True)
gdb.execute('define-prefix bide')
Tasks('bide tasks', gdb.COMMAND_STACK)
Backtrace('bide bt', gdb.COMMAND_STACK)
