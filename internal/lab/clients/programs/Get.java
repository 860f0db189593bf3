// Java's two HTTP clients: Get.java URL url|client
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

class Get {
    public static void main(String[] args) throws Exception {
        if (args[1].equals("client")) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[0])).timeout(Duration.ofSeconds(10)).build();
            System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
            return;
        }
        var connection = new URL(args[0]).openConnection();
        connection.setConnectTimeout(10000);
        connection.setReadTimeout(10000);
        System.out.println(new String(connection.getInputStream().readAllBytes()));
    }
}
