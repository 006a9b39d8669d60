package oracle

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/bubble"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
)

// Main is the program of each release: requests, one JSON object in each line, from standard input; responses, in the
// same order, to standard output. It ends with status 1 if it had to give up.
func Main() {
	worker := flag.Bool("worker", false, "run the scenarios in this process (used by the program itself)")
	log := flag.Bool("v", false, "write the kubelet's log to standard error")
	limit := flag.Duration("limit", time.Minute, "real time that one scenario may take")
	batch := flag.Int("batch", 200, "scenarios after which a process is replaced; each leaves a blocked kubelet behind")
	flag.Parse()
	var err error
	if *worker {
		err = work(os.Stdin, os.Stdout, *log)
	} else {
		err = supervise(os.Stdin, os.Stdout, supervisor{log: *log, limit: *limit, batch: *batch})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// work answers requests in this process, one after another.
func work(in io.Reader, out io.Writer, log bool) error {
	runtime.GOMAXPROCS(1)
	runtime.MemProfileRate = 0
	debug.SetGCPercent(-1) // collected between scenarios, so that it reorders nothing within one
	debug.SetMemoryLimit(4 << 30)
	if log {
		node.RedirectLog(os.Stderr)
	} else {
		node.RedirectLog(nil)
	}
	bubble.Strict()
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && err == io.EOF {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		var request Request
		var response *Response
		if err := json.Unmarshal(line, &request); err != nil {
			response = &Response{Release: release, Error: fmt.Sprintf("reading the request: %v", err)}
		} else {
			response = Run(&request)
		}
		text, err := json.Marshal(response)
		if err != nil {
			text, _ = json.Marshal(Response{ID: request.ID, Release: release, Error: fmt.Sprintf("writing the response: %v", err)})
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return err
		}
		runtime.GC()
	}
}
