import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs SQL files in one JVM: reads a file's name from stdin, runs it to its end, prints DONE, and so on.
 *
 * <p>As in Flink's own SQL client, "SET 'key' = 'value';" configures and every other statement is executed;
 * an INSERT is waited for, which in a bounded job means until all rows are out.
 */
public final class Drain {
    private static final Pattern SET = Pattern.compile("SET '([^']+)' = '([^']*)'");

    public static void main(String[] arguments) throws Exception {
        var files = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("READY");
        for (var file = files.readLine(); file != null; file = files.readLine()) {
            run(Path.of(file));
            System.out.println("DONE");
        }
    }

    private static void run(Path file) throws Exception {
        var tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        for (var statement : Files.readString(file).split(";\\s*(\n|$)")) {
            var set = SET.matcher(statement.strip());
            if (set.matches()) {
                tables.getConfig().set(set.group(1), set.group(2));
            } else if (!statement.isBlank()) {
                tables.executeSql(statement).await();
            }
        }
    }
}
