// A cluster of HDFS in this process, and Hadoop's own client: java -cp WEBAPPS:JARS Hdfs.java FOLDER. It says `ready` and the ports of
// its two name nodes, and then answers each line of its input, a command with words between tabs, with a line: `ok` and what was
// asked for, or `failed` and why. At the end of its input it ends.

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.util.Collections;
import java.util.Enumeration;
import java.util.StringJoiner;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;

public class Hdfs {
    public static void main(String[] arguments) throws Exception {
        Thread.currentThread().setContextClassLoader(new WithoutPages(Hdfs.class.getClassLoader()));
        Configuration configuration = new Configuration();
        // Files of tests have several blocks.
        configuration.set("dfs.namenode.fs-limits.min-block-size", "0");
        configuration.set("dfs.blocksize", "131072");
        MiniDFSCluster cluster = new MiniDFSCluster.Builder(configuration, new File(arguments[0]))
                .nnTopology(MiniDFSNNTopology.simpleHATopology()).numDataNodes(1).build();
        cluster.waitActive();
        cluster.transitionToActive(0);
        System.out.println("ready " + cluster.getNameNodePort(0) + " " + cluster.getNameNodePort(1));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        int active = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer;
            try {
                if (line.equals("failover")) {
                    cluster.shutdownNameNode(0);
                    cluster.transitionToActive(1);
                    active = 1;
                    answer = "ok";
                } else {
                    answer = "ok" + run(cluster.getFileSystem(active), line.split("\t"));
                }
            } catch (Exception refused) {
                answer = "failed " + String.valueOf(refused).lines().findFirst().orElse("");
            }
            System.out.println(answer);
        }
        // Nothing of it is needed any more: it need not end in order.
        Runtime.getRuntime().halt(0);
    }

    static String run(FileSystem files, String[] words) throws IOException {
        switch (words[0]) {
            case "put":
                files.copyFromLocalFile(false, true, new Path(words[1]), new Path(words[2]));
                return "";
            case "get":
                files.copyToLocalFile(false, new Path(words[1]), new Path(words[2]), true);
                return "";
            case "mkdir":
                files.mkdirs(new Path(words[1]));
                return "";
            case "chmod":
                files.setPermission(new Path(words[2]), new FsPermission(words[1]));
                return "";
            case "owner":
                return " " + files.getFileStatus(new Path(words[1])).getOwner();
            case "list":
                StringJoiner found = new StringJoiner(" ", " ", "");
                RemoteIterator<LocatedFileStatus> all = files.listFiles(new Path(words[1]), true);
                while (all.hasNext()) {
                    found.add(all.next().getPath().toUri().getPath());
                }
                return found.toString();
            default:
                throw new IOException("no command " + words[0]);
        }
    }

    /** Pages of the nodes for browsers are found by going through all jars, which takes longer than all else: they have none here. */
    static class WithoutPages extends ClassLoader {
        WithoutPages(ClassLoader parent) {
            super(parent);
        }

        @Override
        public Enumeration<URL> getResources(String name) throws IOException {
            return name.endsWith("web/resources") ? Collections.emptyEnumeration() : super.getResources(name);
        }
    }
}
