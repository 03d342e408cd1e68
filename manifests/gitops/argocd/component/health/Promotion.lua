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

local done, phase = find("Succeeded"), status.phase or "New"
if done.status == "True" then
  return health("Healthy", done.message)
end
if phase == "Failed" or phase == "RolledBack" then
  return health("Degraded", done.message)
end
if phase == "Deploying" or phase == "Verifying" then
  return health("Progressing", done.message)
end
-- It waits for people or for the clock, or ended without having been carried out: neither is a failure.
return health("Suspended", phase .. ": " .. (done.message or "not judged yet"))
