# Reads requests from the file that is named first, and prints for each whether the guide's code accepts it.
require "json"
require_relative "guide"

def accepts?(request)
  env = request["headers"].to_h { |name, value| ["HTTP_#{name.upcase.tr('-', '_')}", value] }
  secrets = request["secrets"]
  return secret?(env, secrets[0]) unless respond_to?(:genuine?, true)

  genuine?(env, request["body"].unpack1("m0"), secrets)
end

puts JSON.generate(JSON.parse(File.read(ARGV[0])).map { |request| accepts?(request) })
