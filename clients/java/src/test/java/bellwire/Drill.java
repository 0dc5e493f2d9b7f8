package bellwire;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/** Sends COUNT notifications, one by one, while Bellwire is restarted: says `half` when half of them are accepted. */
final class Drill {
    private static final int WORKERS = 16;

    private Drill() {}

    public static void main(String[] arguments) throws InterruptedException {
        int count = Integer.parseInt(System.getenv("COUNT"));
        Bellwire client = Bellwire.fromEnvironment();
        AtomicInteger next = new AtomicInteger();
        AtomicInteger accepted = new AtomicInteger();

        Thread[] workers = IntStream.range(0, WORKERS)
                .mapToObj(index -> new Thread(() -> {
                    for (int number = next.getAndIncrement(); number < count; number = next.getAndIncrement()) {
                        client.send(TransportTest.hello("drill-java-" + number));
                        if (accepted.incrementAndGet() == count / 2) {
                            System.out.println("half");
                        }
                    }
                }))
                .toArray(Thread[]::new);
        for (Thread worker : workers) {
            worker.start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        System.out.println("done");
        System.exit(accepted.get() == count ? 0 : 1);
    }
}
