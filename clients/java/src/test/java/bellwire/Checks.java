package bellwire;

import java.util.Objects;
import java.util.concurrent.Callable;

/** As much of a test framework as these tests need, so that they run with the JDK alone. */
final class Checks {
    private static int passed;
    private static int failed;

    interface Test {
        void run() throws Exception;
    }

    private Checks() {}

    static void test(String name, Test test) {
        try {
            test.run();
            passed++;
        } catch (Exception | AssertionError error) {
            failed++;
            System.err.println("failed: " + name);
            error.printStackTrace();
        }
    }

    static void equal(Object actual, Object expected) {
        check(Objects.equals(actual, expected), actual + " is not " + expected);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static <E extends Exception> E fails(Class<E> kind, Callable<?> action) {
        try {
            action.call();
        } catch (Exception error) {
            check(kind.isInstance(error), "not a " + kind.getSimpleName() + ": " + error);
            return kind.cast(error);
        }
        throw new AssertionError("it did not fail");
    }

    /** Says how many tests passed, and ends the process with 1 if one failed. */
    static void end() {
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
