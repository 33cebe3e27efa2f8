// Reads requests from the file that is named first, and prints for each whether the guide's code accepts it.
package main

import (
	"encoding/json"
	"net/http"
	"os"
)

type request struct {
	Headers map[string]string
	Body    []byte
	Secrets []string
}

func main() {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var requests []request
	if err := json.Unmarshal(file, &requests); err != nil {
		panic(err)
	}
	verdicts := []bool{}
	for _, request := range requests {
		header := http.Header{}
		for name, value := range request.Headers {
			header.Set(name, value)
		}
		verdicts = append(verdicts, accepts(header, request.Body, request.Secrets))
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		panic(err)
	}
}
