package bellwire;

/** Runs all tests. Those of {@link ClientTest} need a running Bellwire. */
final class Tests {
    private Tests() {}

    public static void main(String[] arguments) {
        TransportTest.run();
        WebhookVerifierTest.run();
        if (System.getenv("BELLWIRE_URL") != null) {
            ClientTest.run();
        }
        Checks.end();
    }
}
