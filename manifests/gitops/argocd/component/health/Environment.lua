local status = obj.status or {}

local function find(kind)
  for _, row in ipairs(status.conditions or {}) do
    if row.type == kind then
      return row
    end
  end
  return {}
end

local function health(is, message)
  return {status = is, message = message or ""}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "it is being deleted")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not looked at it as it is now")
end

local ready = find("Ready")
if ready.status ~= "True" then
  return health("Degraded", ready.message)
end
for _, kind in ipairs({"AdmissionInForce", "AsApplied"}) do
  local row = find(kind)
  if row.status == "False" then
    return health("Degraded", kind .. " is False: " .. (row.message or ""))
  end
end
for _, kind in ipairs({"GlassBroken", "Drifted"}) do
  local row = find(kind)
  if row.status == "True" then
    return health("Degraded", kind .. ": " .. (row.message or ""))
  end
end
if find("Approved").status == "False" then
  return health("Suspended", find("Approved").message)
end
return health("Healthy", ready.message)
