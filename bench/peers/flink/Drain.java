import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs SQL files in one JVM: reads a file's name from stdin, runs it to its end, and so on.
 *
 * As in Flink's own SQL client, "SET 'key' = 'value';" configures and every other statement is executed. An
 * INSERT is waited for until all its rows are out; then "DONE n" tells the job's run time in ms, as Flink says it.
 */
public final class Drain {
    private static final Pattern SET = Pattern.compile("SET '([^']+)' = '([^']*)'");
    private static final String END_OF_STATEMENT = ";\\s*(\n|$)";

    public static void main(String[] arguments) throws Exception {
        var files = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("READY");
        for (var file = files.readLine(); file != null; file = files.readLine()) {
            run(Files.readString(Path.of(file)).split(END_OF_STATEMENT));
        }
    }

    private static void run(String[] statements) throws Exception {
        var tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        for (var statement : statements) {
            var set = SET.matcher(statement.strip());
            if (set.matches()) {
                tables.getConfig().set(set.group(1), set.group(2));
                continue;
            }
            var job = tables.executeSql(statement).getJobClient();
            if (job.isPresent()) {
                System.out.println("DONE " + job.get().getJobExecutionResult().get().getNetRuntime());
            }
        }
    }
}
