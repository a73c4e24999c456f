/* test_listen.c: dial and listen: which addresses there are, what is refused.
 */
#include "doors.h"
#include "names.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>

/* The port of a listening descriptor, in decimal. */
static const char *port_of(int fd, char *text)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&addr;
    int port = addr.ss_family == AF_INET ? v4->sin_port : v6->sin6_port;
    snprintf(text, 8, "%d", ntohs((uint16_t)port));
    return text;
}

static bool has_ipv6(void)
{
    int fd = bide_listen("::1", "0", 1);
    if (fd >= 0)
        bide_close(fd);
    return fd >= 0;
}

/* Connect, and see a byte go each way. */
static void check_connection(int listener, const char *host,
                             const char *service)
{
    char buf[4];
    int a = bide_dial(host, service);
    ck_assert_int_ge(a, 0);
    int b = bide_accept(listener, NULL, NULL);
    ck_assert_int_ge(b, 0);
    ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(b, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(a, F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(bide_write(a, "x", 1), 1);
    ck_assert_int_eq(bide_read(b, buf, 4), 1);
    ck_assert_int_eq(bide_write(b, "yz", 2), 2);
    ck_assert_int_eq(bide_read(a, buf, 4), 2);
    bide_close(a);
    ck_assert_int_eq(bide_read(b, buf, 4), 0);
    bide_close(b);
}

/* ---- Internet addresses ------------------------------------------------- */

REAL_TEST(ipv4_is_dialled_and_listened_at)
{
    char port[8];
    int listener = bide_listen("127.0.0.1", "0", 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(fcntl(listener, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(listener, F_GETFL) & O_NONBLOCK);
    check_connection(listener, "127.0.0.1", port_of(listener, port));
    bide_close(listener);
    return 0;
}

REAL_TEST(ipv6_is_dialled_and_listened_at)
{
    char port[8];
    if (!has_ipv6())
        return 0;
    int listener = bide_listen("::1", "0", 5);
    ck_assert_int_ge(listener, 0);
    check_connection(listener, "::1", port_of(listener, port));
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    bide_close(listener);
    return 0;
}

REAL_TEST(no_host_is_every_address_of_both_families)
{
    char port[8];
    int listener = bide_listen(NULL, "0", 5);
    ck_assert_int_ge(listener, 0);
    check_connection(listener, "127.0.0.1", port_of(listener, port));
    if (has_ipv6())
        check_connection(listener, "::1", port);
    bide_close(listener);
    return 0;
}

REAL_TEST(nobody_at_the_port_is_refused)
{
    char port[8];
    int listener = bide_listen("127.0.0.1", "0", 1);
    port_of(listener, port);
    bide_close(listener);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    return 0;
}

REAL_TEST(a_port_in_use_is_refused_and_free_again_after_close)
{
    char port[8];
    int listener = bide_listen("127.0.0.1", "0", 1);
    port_of(listener, port);
    ck_assert_int_eq(bide_listen("127.0.0.1", port, 1), -EADDRINUSE);
    check_connection(listener, "127.0.0.1", port); /* leaves a TIME_WAIT */
    bide_close(listener);
    int again = bide_listen("127.0.0.1", port, 1);
    ck_assert_int_ge(again, 0);
    bide_close(again);
    return 0;
}

REAL_TEST(ports_that_are_none_are_refused)
{
    const char *ports[] = {
        "",     "-1",   "65536", "80x", " 80", "80 ",
        "a b",  "0x50", "+80",   "8 0", "99999999999999999999", "4294967376"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        ck_assert_int_eq(bide_dial("127.0.0.1", ports[i]), -EINVAL);
        ck_assert_int_eq(bide_listen("127.0.0.1", ports[i], 1), -EINVAL);
        ck_assert_int_eq(bide_listen(NULL, ports[i], 1), -EINVAL);
    }
    ck_assert_int_eq(bide_dial("127.0.0.1", NULL), -EINVAL);
    ck_assert_int_eq(bide_listen(NULL, NULL, 1), -EINVAL);
    return 0;
}

REAL_TEST(hosts_that_are_no_names_and_no_addresses_are_refused)
{
    const char *hosts[] = {
        "",     "a b",   "a/b",        "1.2.3.256", "1.2.3.4.5",
        ":::1", "[::1]", "127.0.0.1 ", "12345::",   "::1::",
        "::g",  "a:b"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        ck_assert_msg(bide_dial(hosts[i], "80") == -EINVAL, "%s", hosts[i]);
        ck_assert_msg(bide_listen(hosts[i], "0", 1) == -EINVAL, "%s", hosts[i]);
    }
    ck_assert_int_eq(bide_dial(NULL, "80"), -EINVAL);
    return 0;
}

REAL_TEST(an_address_of_another_machine_is_not_listened_at)
{
    ck_assert_int_eq(bide_listen("203.0.113.1", "0", 1), -EADDRNOTAVAIL);
    return 0;
}

static intptr_t dial_text(void *host)
{
    return bide_dial(host, "80");
}

static intptr_t listen_text(void *host)
{
    return bide_listen(host, "0", 1);
}

REAL_TEST(dial_and_listen_are_refused_in_a_cancelled_scope)
{
    char host[] = "127.0.0.1";
    ck_assert_int_eq(refused(dial_text, host), -ECANCELED);
    ck_assert_int_eq(refused(listen_text, host), -ECANCELED);
    return 0;
}

REAL_TEST(errno_is_left_alone)
{
    errno = ELOOP;
    ck_assert_int_eq(bide_dial("no where", "80"), -EINVAL);
    ck_assert_int_eq(bide_dial("127.0.0.1", "1"), -ECONNREFUSED);
    ck_assert_int_eq(errno, ELOOP);
    return 0;
}

/* ---- Names and options -------------------------------------------------- */

REAL_TEST(a_name_is_listened_at)
{
    char port[8] = "";
    name_is("one", "127.0.0.1");
    int listener = listen_at("one", port);
    check_connection(listener, "one", port);
    check_connection(listener, "127.0.0.1", port);
    bide_close(listener);
    ck_assert_int_eq(bide_listen("nobody", "0", 1), -ENOENT);
    return 0;
}

REAL_TEST(of_a_name_the_first_address_that_is_here_is_listened_at)
{
    char port[8] = "";
    name_is("moved", "203.0.113.1 127.0.0.2 127.0.0.1");
    name_is("away", "203.0.113.1 203.0.113.2");
    int listener = listen_at("moved", port);
    check_connection(listener, "127.0.0.2", port);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    /* Somebody is there: that is an error, and no reason to go elsewhere. */
    ck_assert_int_eq(bide_listen("moved", port, 1), -EADDRINUSE);
    bide_close(listener);
    ck_assert_int_eq(bide_listen("away", port, 1), -EADDRNOTAVAIL);
    return 0;
}

REAL_TEST(all_addresses_of_a_name_are_listened_at)
{
    int fds[3];
    char port[8] = "";
    name_is("two", "127.0.0.2 127.0.0.1");
    bide_close(listen_at("127.0.0.1", port)); /* a free one */
    ck_assert_int_eq(bide_listen_all("two", port, NULL, fds, 3), 2);
    check_connection(fds[0], "127.0.0.2", port);
    check_connection(fds[1], "127.0.0.1", port);
    bide_close(fds[0]);
    bide_close(fds[1]);
    return 0;
}

/* The harness sees that those that were opened are closed. */
REAL_TEST(one_busy_address_of_several_closes_the_others)
{
    int fds[3];
    char port[8] = "";
    name_is("three", "127.0.0.1 127.0.0.2 127.0.0.3");
    int busy = listen_at("127.0.0.3", port);
    ck_assert_int_eq(bide_listen_all("three", port, NULL, fds, 3),
                     -EADDRINUSE);
    ck_assert_int_eq(bide_listen_all("three", "0", NULL, fds, 2), -ENOSPC);
    ck_assert_int_eq(bide_listen_all("nobody", "0", NULL, fds, 2), -ENOENT);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    bide_close(busy);
    return 0;
}

REAL_TEST(an_exclusive_listener_does_not_reuse_a_port)
{
    char port[8] = "";
    struct bide_listen_options opt = {.exclusive = true};
    int listener = listen_at("127.0.0.1", port);
    int caller = bide_dial("127.0.0.1", port);
    bide_close(bide_accept(listener, NULL, NULL)); /* it waits, as TIME_WAIT */
    bide_close(caller);
    bide_close(listener);
    ck_assert_int_eq(bide_listen_with("127.0.0.1", port, &opt), -EADDRINUSE);
    opt.exclusive = false;
    listener = bide_listen_with("127.0.0.1", port, &opt);
    ck_assert_int_ge(listener, 0);
    bide_close(listener);
    return 0;
}

REAL_TEST(listeners_may_share_a_port)
{
    char port[8];
    struct bide_listen_options opt = {.reuse_port = true};
    int one = bide_listen_with("127.0.0.1", "0", &opt);
    ck_assert_int_ge(one, 0);
    int two = bide_listen_with("127.0.0.1", port_of(one, port), &opt);
    ck_assert_int_ge(two, 0);
    ck_assert_int_eq(bide_listen("127.0.0.1", port, 1), -EADDRINUSE);
    bide_close(one);
    bide_close(two);
    return 0;
}

REAL_TEST(a_listener_of_ipv6_alone_lets_nobody_in_by_ipv4)
{
    char port[8];
    struct bide_listen_options opt = {.v6_only = true};
    if (!has_ipv6())
        return 0;
    int listener = bide_listen_with(NULL, "0", &opt);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bide_dial("127.0.0.1", port_of(listener, port)),
                     -ECONNREFUSED);
    check_connection(listener, "::1", port);
    bide_close(listener);
    return 0;
}

/* ---- Unix addresses ----------------------------------------------------- */

/* "unix:" and a fresh path. */
static const char *unix_name(char *name)
{
    strcpy(name, "unix:");
    fresh_path(name + 5);
    return name;
}

REAL_TEST(unix_paths_are_dialled_and_listened_at)
{
    char name[80];
    int listener = bide_listen(unix_name(name), NULL, 5);
    ck_assert_int_ge(listener, 0);
    check_connection(listener, name, NULL);
    check_connection(listener, name, "ignored");
    bide_close(listener);
    ck_assert_int_eq(unlink(name + 5), 0);
    return 0;
}

REAL_TEST(abstract_names_leave_no_file)
{
    char name[64];
    snprintf(name, sizeof name, "unix:@bide-test-%d", (int)getpid());
    int listener = bide_listen(name, NULL, 5);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bide_listen(name, NULL, 5), -EADDRINUSE);
    check_connection(listener, name, NULL);
    ck_assert_int_eq(access(name + 5, F_OK), -1);
    bide_close(listener);
    ck_assert_int_eq(bide_dial(name, NULL), -ECONNREFUSED);
    return 0;
}

REAL_TEST(a_stale_socket_file_is_replaced)
{
    char name[80];
    int first = bide_listen(unix_name(name), NULL, 5);
    bide_close(first);
    ck_assert_int_eq(access(name + 5, F_OK), 0);
    ck_assert_int_eq(bide_dial(name, NULL), -ECONNREFUSED);
    int second = bide_listen(name, NULL, 5);
    ck_assert_int_ge(second, 0);
    check_connection(second, name, NULL);
    bide_close(second);
    unlink(name + 5);
    return 0;
}

REAL_TEST(a_socket_file_in_use_is_left_alone)
{
    char name[80];
    int listener = bide_listen(unix_name(name), NULL, 1);
    int fds[3];
    ck_assert_int_eq(bide_listen(name, NULL, 5), -EADDRINUSE);
    ck_assert(!is_ready(listener, POLLIN)); /* and is not bothered */
    for (int i = 0; i < 2; i++) /* fill its queue */
        ck_assert_int_ge(fds[i] = bide_dial(name, NULL), 0);
    ck_assert_int_eq(bide_listen(name, NULL, 5), -EADDRINUSE);
    ck_assert_int_eq(access(name + 5, F_OK), 0);
    for (int i = 0; i < 2; i++)
        bide_close(fds[i]);
    bide_close(listener);
    unlink(name + 5);
    return 0;
}

static void check_survives(const char *name, mode_t type)
{
    struct stat st;
    ck_assert_int_eq(bide_listen(name, NULL, 5), -EADDRINUSE);
    ck_assert_int_eq(lstat(name + 5, &st), 0);
    ck_assert_uint_eq(st.st_mode & S_IFMT, type);
}

REAL_TEST(a_file_that_is_no_socket_is_refused_and_left_alone)
{
    char name[80];
    unix_name(name);
    close(open(name + 5, O_WRONLY | O_CREAT, 0600));
    check_survives(name, S_IFREG);
    unlink(name + 5);
    mkfifo(name + 5, 0600);
    check_survives(name, S_IFIFO);
    unlink(name + 5);
    mkdir(name + 5, 0700);
    check_survives(name, S_IFDIR);
    rmdir(name + 5);
    ck_assert_int_eq(symlink("/dev/null", name + 5), 0);
    check_survives(name, S_IFLNK);
    unlink(name + 5);
    return 0;
}

REAL_TEST(a_datagram_socket_in_use_is_left_alone)
{
    char name[80];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    memcpy(addr.sun_path, unix_name(name) + 5, 64);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    check_survives(name, S_IFSOCK);
    close(fd);
    unlink(name + 5);
    return 0;
}

REAL_TEST(unix_paths_as_long_as_can_be_work_and_longer_ones_are_refused)
{
    char name[300];
    int n = snprintf(name, sizeof name, "unix:@%d", (int)getpid());
    memset(name + n, 'n', sizeof name - (size_t)n);
    name[5 + sizeof((struct sockaddr_un *)0)->sun_path] = '\0';
    int listener = bide_listen(name, NULL, 5);
    ck_assert_int_ge(listener, 0);
    check_connection(listener, name, NULL);
    bide_close(listener);
    name[5] = '/'; /* and no room for the NUL */
    ck_assert_int_eq(bide_listen(name, NULL, 5), -ENAMETOOLONG);
    ck_assert_int_eq(bide_dial(name, NULL), -ENAMETOOLONG);
    name[strlen(name) - 1] = '\0';
    ck_assert_int_eq(bide_dial(name, NULL), -ENOENT);
    memset(name + 5, '@', 200);
    name[205] = '\0';
    ck_assert_int_eq(bide_dial(name, NULL), -ENAMETOOLONG);
    return 0;
}

REAL_TEST(unix_paths_that_are_none_are_refused)
{
    char path[64], name[80];
    ck_assert_int_eq(bide_dial("unix:", NULL), -EINVAL);
    ck_assert_int_eq(bide_listen("unix:", NULL, 1), -EINVAL);
    fresh_path(path);
    snprintf(name, sizeof name, "unix:%s", path);
    ck_assert_int_eq(bide_dial(name, NULL), -ENOENT);
    snprintf(name, sizeof name, "unix:%s/below", path);
    ck_assert_int_eq(bide_listen(name, NULL, 1), -ENOENT);
    return 0;
}

REAL_TEST(dial_waits_for_a_place_in_a_full_queue)
{
    char name[80];
    int fds[3], listener = bide_listen(unix_name(name), NULL, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_ge(fds[i] = bide_dial(name, NULL), 0);
    ck_assert_int_eq(within(BIDE_MS(4), dial_text, name), -ETIMEDOUT);
    bide_task *dialler = park(dial_text, name);
    for (int i = 0; i < 2; i++)
        bide_close(bide_accept(listener, NULL, NULL));
    fds[2] = (int)end_of(dialler);
    ck_assert_int_ge(fds[2], 0);
    for (int i = 0; i < 3; i++)
        bide_close(fds[i]);
    bide_close(listener);
    unlink(name + 5);
    return 0;
}

REAL_TEST(a_hundred_dial_at_once)
{
    static struct bide_call calls[100];
    char name[80];
    int listener = bide_listen(unix_name(name), NULL, 200);
    for (int i = 0; i < 100; i++)
        calls[i] = (struct bide_call){dial_text, name, 0};
    ck_assert_int_eq(bide_gather(calls, 100, BIDE_COLLECT), 0);
    for (int i = 0; i < 100; i++) {
        int fd = bide_accept(listener, NULL, NULL);
        ck_assert_int_ge(fd, 0);
        bide_close(fd);
        ck_assert_int_ge(calls[i].result, 0);
        bide_close((int)calls[i].result);
    }
    bide_close(listener);
    unlink(name + 5);
    return 0;
}

Suite *suite_listen(void)
{
    Suite *s = suite_create("listen");
    TCase *t = tcase_create("internet");
    tcase_add_test(t, ipv4_is_dialled_and_listened_at);
    tcase_add_test(t, ipv6_is_dialled_and_listened_at);
    tcase_add_test(t, no_host_is_every_address_of_both_families);
    tcase_add_test(t, nobody_at_the_port_is_refused);
    tcase_add_test(t, a_port_in_use_is_refused_and_free_again_after_close);
    tcase_add_test(t, ports_that_are_none_are_refused);
    tcase_add_test(t, hosts_that_are_no_names_and_no_addresses_are_refused);
    tcase_add_test(t, an_address_of_another_machine_is_not_listened_at);
    tcase_add_test(t, dial_and_listen_are_refused_in_a_cancelled_scope);
    tcase_add_test(t, errno_is_left_alone);
    suite_add_tcase(s, t);
    t = tcase_create("names");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, a_name_is_listened_at);
    tcase_add_test(t, of_a_name_the_first_address_that_is_here_is_listened_at);
    tcase_add_test(t, all_addresses_of_a_name_are_listened_at);
    tcase_add_test(t, one_busy_address_of_several_closes_the_others);
    tcase_add_test(t, an_exclusive_listener_does_not_reuse_a_port);
    tcase_add_test(t, listeners_may_share_a_port);
    tcase_add_test(t, a_listener_of_ipv6_alone_lets_nobody_in_by_ipv4);
    suite_add_tcase(s, t);
    t = tcase_create("unix");
    tcase_add_test(t, unix_paths_are_dialled_and_listened_at);
    tcase_add_test(t, abstract_names_leave_no_file);
    tcase_add_test(t, a_stale_socket_file_is_replaced);
    tcase_add_test(t, a_socket_file_in_use_is_left_alone);
    tcase_add_test(t, a_file_that_is_no_socket_is_refused_and_left_alone);
    tcase_add_test(t, a_datagram_socket_in_use_is_left_alone);
    tcase_add_test(
        t, unix_paths_as_long_as_can_be_work_and_longer_ones_are_refused);
    tcase_add_test(t, unix_paths_that_are_none_are_refused);
    tcase_add_test(t, dial_waits_for_a_place_in_a_full_queue);
    tcase_add_test(t, a_hundred_dial_at_once);
    suite_add_tcase(s, t);
    return s;
}
